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
    abstract: "Compare our books with the provider's over a window, and print what differs.",
    discussion: """
      Exit status 0: the books agree. 1: they differ. Anything else: they could not be compared. Instants are written as \
      2026-01-31T12:00:00Z, or as a time ago: 90m, 24h.
      """
  )

  @Option(help: "URI or keyword string for libpq. Empty: the PG* environment variables and libpq's defaults.")
  var databaseURL = ""

  @OptionGroup(title: "Provider")
  var provider: ProviderOptions

  @Option(help: "Payments created at this instant or later. (default: 24h)", transform: InstantText.parse)
  var since: InstantText?

  @Option(help: "Payments created before this instant. (default: now)", transform: InstantText.parse)
  var until: InstantText?

  @Option(help: "Payments that changed within this time are not called behind.", transform: DurationText.parse)
  var grace = ReconciliationRun.defaultGrace

  @Flag(help: "Also do what is safe: ask about what is behind, drop what was registered and never executed.")
  var repair = false

  @Flag(help: "Print the report as JSON.")
  var json = false

  func run() async throws {
    do {
      let connections = HTTPClient.Configuration.connections(ReconciliationRun.concurrency)
      let report = try await HTTPClient.withHTTPClient(configuration: connections) { try await run($0) }
      guard report.isClean else { throw ExitCode(ReconciliationReport.ExitStatus.different.rawValue) }
    } catch let error as ExitCode {
      throw error
    } catch {
      Log.make("reconcile").error("the books can't be compared", metadata: ["error": "\(error)"])
      throw ExitCode(ReconciliationReport.ExitStatus.notCompared.rawValue)
    }
  }

  private func run(_ client: HTTPClient) async throws -> ReconciliationReport {
    let now = Date()
    let (since, until) = ((self.since ?? .ago(.seconds(86_400))).date(now), self.until?.date(now) ?? now)
    guard since < until else { throw CommandError("--since must be before --until.") }
    let store = try PostgresTaskStore(.init(LibpqConfiguration(databaseURL)))
    let report: ReconciliationReport
    var repaired: Int?
    do {
      let namespace = try await PaymentNamespace.find(in: store.pool)
      let provider = try self.provider.make(client, namespace: namespace)
      report = try await ReconciliationRun(database: store.pool, provider: provider)
        .report(since..<until, grace: grace, now: now)
      if repair {
        repaired = try await ReconciliationRepair(client: TaskClient(store: store), provider: provider).carryOut(
          report.repairs
        )
      }
    } catch {
      await store.close()
      throw error
    }
    await store.close()
    if json {
      print(String(decoding: try JSONFormat.encoder().encode(report), as: UTF8.self))
    } else {
      for line in ReconciliationTable(report: report).lines { print(line) }
      if let repaired { print("Repairs begun: \(repaired). Compare again in a while.") }
    }
    return report
  }
}
