import AsyncHTTPClient
import EmbeddedPostgres
import Foundation
import Libpq
import Logging
import PaymentsExample
import TaskQueue
import TaskQueuePostgres

/// The whole story: a database, a faulty provider, two worker processes, ten payments, one SIGKILL.
package struct Demo: Sendable {
  package let settings: DemoSettings

  package init(settings: DemoSettings) {
    self.settings = settings
  }

  /// - Returns: whether every payment is final and was executed exactly once.
  package func run() async throws -> Bool {
    var screen = DemoScreen(lines: settings.payments)
    introduce(&screen)
    if let url = settings.databaseURL { return try await run(on: url, &screen) }
    screen.say("Starting a private PostgreSQL cluster …")
    return try await EmbeddedPostgres.with { try await run(on: $0.connectionString, &screen) }
  }

  private func introduce(_ screen: inout DemoScreen) {
    let faults = settings.faults
    screen.say()
    screen.say("Outgoing payments through a durable queue")
    screen.say()
    screen.say(
      "Time is scaled, so that it fits into half a minute: retries after \(text(settings.baseRetry)), doubling up to"
    )
    screen.say(
      "\(text(settings.maxRetry)) (in production: 1 minute, doubling), and leases of \(text(settings.lease)) (in production: 1 minute)."
    )
    screen.say(
      "The provider is simulated, and bad: \(percent(faults.lostResponse)) of its answers get lost after the work, "
        + "\(percent(faults.errorBeforeWork + faults.errorAfterWork))"
    )
    screen.say(
      "are errors (half of them after the work), \(percent(faults.stall)) come too late; callbacks get lost or come twice."
    )
    screen.say()
  }

  private func run(on databaseURL: String, _ screen: inout DemoScreen) async throws -> Bool {
    let pool = LibpqPool(LibpqConfiguration(databaseURL), maxConnections: 2)
    let result: Bool
    do {
      try await Migrator(configuration: LibpqConfiguration(databaseURL)).migrate()
      try await PaymentMigrations.apply(to: pool)
      result = try await withProvider { simulator, providerURL, client in
        try await withWorkers(databaseURL, providerURL) { workers in
          var run = DemoRun(settings: settings, pool: pool, simulator: simulator, workers: workers)
          let isRight = try await run.run(client, &screen)
          if settings.keeps { await keep(databaseURL, providerURL, &screen) }
          return isRight
        }
      }
    } catch {
      await pool.close()
      throw error
    }
    await pool.close()
    return result
  }

  private func keep(_ databaseURL: String, _ providerURL: String, _ screen: inout DemoScreen) async {
    screen.say()
    screen.say("Still running, until Ctrl-C:")
    screen.say("  psql '\(databaseURL)'")
    screen.say("  curl \(providerURL)/v1/ledger")
    try? await Task.sleep(for: .seconds(86_400))
  }

  /// Runs the provider in this process for as long as `body` runs.
  private func withProvider(
    _ body: (ProviderSimulator, _ url: String, HTTPClient) async throws -> Bool
  ) async throws -> Bool {
    try await HTTPClient.withHTTPClient(configuration: .connections(64)) { client in
      let simulator = ProviderSimulator(
        faults: settings.faults,
        seed: settings.seed,
        secret: settings.callbackSecret,
        callbacks: CallbackSender(client: client, logger: Log.quiet("provider")),
        logger: Log.quiet("provider.http")
      )
      return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await simulator.run() }
        let port = try await simulator.port()
        let result: Result<Bool, any Error>
        do {
          result = .success(try await body(simulator, "http://127.0.0.1:\(port)", client))
        } catch {
          result = .failure(error)
        }
        group.cancelAll()
        while let ended = await group.nextResult() { _ = ended }
        return try result.get()
      }
    }
  }

  /// Starts two worker processes and stops what is left of them afterwards.
  private func withWorkers(
    _ databaseURL: String,
    _ providerURL: String,
    _ body: ([WorkerProcess]) async throws -> Bool
  ) async throws -> Bool {
    var workers: [WorkerProcess] = []
    let result: Result<Bool, any Error>
    do {
      for name in ["A", "B"] {
        workers.append(
          try WorkerProcess(
            name: name,
            arguments: arguments(databaseURL, providerURL),
            environment: [SecretOption.callbackSecret: settings.callbackSecret]
          )
        )
      }
      result = .success(try await body(workers))
    } catch {
      result = .failure(error)
    }
    for worker in workers { await worker.stop() }
    return try result.get()
  }

  private func arguments(_ databaseURL: String, _ providerURL: String) -> [String] {
    [
      "serve", "--supervised", "--database-url", databaseURL, "--port", "0", "--provider-url", providerURL,
      "--workers", "4", "--base-retry", text(settings.baseRetry),
      "--max-retry", text(settings.maxRetry), "--lease", text(settings.lease),
      "--provider-timeout", text(settings.providerTimeout), "--log-level", "critical",
    ]
  }

  private func text(_ duration: Duration) -> String {
    DurationText.format(duration)
  }

  private func percent(_ rate: Double) -> String {
    "\(Int((rate * 100).rounded()))%"
  }
}
