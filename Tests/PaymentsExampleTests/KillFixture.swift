import AsyncHTTPClient
import ChildProcesses
import Foundation
import Libpq
import TaskQueuePostgres
import TaskQueueTestKit

@testable import PaymentsExample
@testable import PaymentsLab

/// A database and a provider for `payments serve` processes that the test kills. They end with this process, however that ends.
struct KillFixture: Sendable {
  let store: PostgresTaskStore
  let provider: ProviderSimulator
  let client: HTTPClient
  let providerURL: String
  private let arguments: [String]

  static func with(
    _ faults: ProviderFaults = ProviderFaults(processingTime: .milliseconds(20)),
    seed: UInt64 = 1,
    _ body: (KillFixture) async throws -> Void
  ) async throws {
    try await withTestDatabase { database in
      try await HTTPClient.withHTTPClient(configuration: .connections(64)) { client in
        let store = try PostgresTaskStore(.init(database.postgresConfiguration))
        let result: Result<Void, any Error>
        do {
          result = .success(try await Self.run(faults, seed, database.connectionString, store, client, body))
        } catch {
          result = .failure(error)
        }
        await store.close()
        try result.get()
      }
    }
  }

  private static func run(
    _ faults: ProviderFaults,
    _ seed: UInt64,
    _ database: String,
    _ store: PostgresTaskStore,
    _ client: HTTPClient,
    _ body: (KillFixture) async throws -> Void
  ) async throws {
    let quiet = Log.quiet("test")
    let provider = ProviderSimulator(
      faults: faults,
      seed: seed,
      secret: "s",
      callbacks: CallbackSender(client: client, logger: quiet),
      logger: quiet
    )
    try await provider.whileRunning {
      let url = "http://127.0.0.1:\(try await provider.port())"
      let arguments = [
        "serve", "--supervised", "--port", "0", "--log-level", "critical", "--database-url", database, "--provider-url",
        url, "--provider-timeout", "500ms", "--base-retry", "50ms",
        "--max-retry", "200ms", "--lease", "500ms", "--workers", "4",
      ]
      try await body(
        KillFixture(store: store, provider: provider, client: client, providerURL: url, arguments: arguments)
      )
    }
  }

  /// Starts a process, and doesn't wait until it listens.
  func serve(_ arguments: [String], environment: [String: String] = [:]) throws -> WorkerProcess {
    try WorkerProcess(
      name: "serve",
      program: ChildCommand.built("payments"),
      arguments: self.arguments + arguments,
      environment: environment
    )
  }

  func api(_ process: WorkerProcess) async throws -> PaymentsClient {
    PaymentsClient(client: client, baseURL: "http://127.0.0.1:\(try await process.port())")
  }

  /// Waits until no task about a payment is left.
  func settle() async throws {
    try await eventually("the payments' tasks are done", within: .seconds(90)) {
      try await store.pool.query(
        "SELECT NOT EXISTS (SELECT FROM taskqueue.task WHERE type LIKE 'payment.%' AND finished_at IS NULL)"
      )[0].bool(0)
    }
  }
}
