import ArgumentParser
import AsyncHTTPClient
import Foundation
import Libpq
import Logging
import PaymentsExample
import PaymentsLab
import TaskQueue
import TaskQueuePostgres

/// `payments reconcile`: compares our books with the provider's.
struct ReconcileCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "reconcile",
    abstract: "Compare our books with each provider's over a window, and print what differs.",
    discussion: """
      Exit status 0: the books agree. 1: they differ. Anything else: some could not be compared, of all providers or of one \
      payment. Instants are written as \
      2026-01-31T12:00:00Z, or as a time ago: 90m, 24h.
      """
  )

  @Option(help: "URI or keyword string for libpq. Empty: the PG* environment variables and libpq's defaults.")
  var databaseURL = ""

  @OptionGroup(title: "Provider")
  var provider: ProviderOptions

  @Option(help: "Only the books of the provider of this name.")
  var only: String?

  @Option(help: "Payments created at this instant or later. (default: 24h)", transform: InstantText.parse)
  var since: InstantText?

  @Option(help: "Payments created before this instant. (default: now)", transform: InstantText.parse)
  var until: InstantText?

  @Option(
    help: "Payments that changed within this time are not called behind. (default: 60s)",
    transform: DurationText.parse
  )
  var grace = ReconciliationRun.defaultGrace

  @Flag(help: "Also do what is safe: ask about what is behind, drop what was registered and never executed.")
  var repair = false

  @Flag(help: "Print each report as one line of JSON.")
  var json = false

  func run() async throws {
    do {
      let connections = HTTPClient.Configuration.connections(ReconciliationRun.concurrency)
      let isClean = try await HTTPClient.withHTTPClient(configuration: connections) { try await run($0) }
      guard isClean else { throw ExitCode(ReconciliationReport.ExitStatus.different.rawValue) }
    } catch let error as ExitCode {
      throw error
    } catch {
      Log.make("reconcile").error("the books can't be compared", metadata: ["error": "\(error)"])
      throw ExitCode(ReconciliationReport.ExitStatus.notCompared.rawValue)
    }
  }

  /// - Returns: whether all books agree.
  private func run(_ client: HTTPClient) async throws -> Bool {
    let now = Date()
    let (since, until) = ((self.since ?? .ago(.seconds(86_400))).date(now), self.until?.date(now) ?? now)
    guard since < until else { throw CommandError("--since must be before --until.") }
    let store = try PostgresTaskStore(.init(LibpqConfiguration(databaseURL)))
    let isClean: Bool
    do {
      let namespace = try await PaymentNamespace.find(in: store.pool)
      let providers = try self.provider.make(client, namespace: namespace)
      guard only.map({ providers[$0] != nil }) ?? true else { throw CommandError("There is no such provider.") }
      isClean = try await compare(providers.all.filter { only == nil || $0.name == only }, since..<until, now, store)
    } catch {
      await store.close()
      throw error
    }
    await store.close()
    return isClean
  }

  /// One after the other; what can't be compared keeps no other from it.
  private func compare(
    _ providers: [(name: String, provider: any PaymentProvider)],
    _ window: Range<Date>,
    _ now: Date,
    _ store: PostgresTaskStore
  ) async throws -> Bool {
    var isClean = true
    var isComplete = true
    for (name, provider) in providers {
      do {
        let report = try await ReconciliationRun(database: store.pool, provider: provider, providerName: name)
          .report(window, grace: grace, now: now)
        var repaired: Int?
        if repair {
          let client = TaskClient(store: store)
          repaired = try await ReconciliationRepair(client: client, provider: provider, providerName: name)
            .carryOut(report.repairs)
        }
        show(report, repaired)
        isClean = isClean && report.isClean
        isComplete = isComplete && report.exitStatus != .notCompared
      } catch {
        Log.make("reconcile").error("books can't be compared", metadata: ["provider": "\(name)", "error": "\(error)"])
        isComplete = false
      }
    }
    guard isComplete else { throw ExitCode(ReconciliationReport.ExitStatus.notCompared.rawValue) }
    return isClean
  }

  private func show(_ report: ReconciliationReport, _ repaired: Int?) {
    if json {
      guard let line = try? JSONFormat.encoder().encode(report) else { return }
      print(String(decoding: line, as: UTF8.self))
    } else {
      for line in ReconciliationTable(report: report).lines { print(line) }
      if let repaired { print("Repairs begun: \(repaired). Compare again in a while.") }
    }
  }
}
