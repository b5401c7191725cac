import AsyncHTTPClient
import EmbeddedPostgres
import Foundation
import Libpq
import PaymentsExample
import TaskQueue
import TaskQueuePostgres

/// How fast one `serve` process takes payments, and how fast it has them executed by a provider without faults.
package struct ThroughputRun: Sendable {
  /// For one round's payments to become final.
  package static let limit = Duration.seconds(600)

  /// Of one round.
  package var payments = 2000
  package var rounds = 3
  /// Connections of the clients, and payments worked on at one time.
  package var concurrency = 32
  /// The path of the `payments` program; nil: this one.
  var program: String?

  package init(payments: Int = 2000, rounds: Int = 3, concurrency: Int = 32, program: String? = nil) {
    self.payments = payments
    self.rounds = rounds
    self.concurrency = concurrency
    self.program = program
  }

  package func run(onProgress: @escaping @Sendable (String) -> Void = { _ in }) async throws -> ThroughputReport {
    let connections = HTTPClient.Configuration.connections(concurrency)
    return try await EmbeddedPostgres.with(settings: PaymentCost.settings) { postgres in
      try await HTTPClient.withHTTPClient(configuration: connections) { try await run(postgres, $0, onProgress) }
    }
  }

  private func run(
    _ postgres: EmbeddedPostgres,
    _ client: HTTPClient,
    _ onProgress: @Sendable (String) -> Void
  ) async throws -> ThroughputReport {
    let bare = try await bareDatabase(postgres)
    let store = try PostgresTaskStore(.init(LibpqConfiguration(postgres.connectionString)))
    var processes: [WorkerProcess] = []
    let result: Result<ThroughputReport, any Error>
    do {
      let provider = try self.process(
        "provider",
        ["provider", "--supervised", "--port", "0", "--processing-time", "0ms"]
      )
      processes.append(provider)
      let providerURL = "http://127.0.0.1:\(try await provider.port())"
      let server = try self.process("serve", serveArguments(postgres.connectionString, providerURL))
      processes.append(server)
      let api = PaymentsClient(client: client, baseURL: "http://127.0.0.1:\(try await server.port())")
      var report = ThroughputReport()
      for round in 1...rounds {
        onProgress("Round \(round) of \(rounds): \(payments) payments …")
        report.rounds.append(try await self.round(round, api, store, bare))
      }
      onProgress("Counting statements and commits …")
      report.cost = try await PaymentCost.measure(payments, on: postgres, store.pool) {
        try await create(rounds + 1, api)
        try await wait(store, for: (rounds + 1) * payments)
      }
      result = .success(report)
    } catch {
      result = .failure(error)
    }
    for process in processes { await process.stop() }
    await store.close()
    return try result.get()
  }

  private func round(
    _ round: Int,
    _ api: PaymentsClient,
    _ store: PostgresTaskStore,
    _ bare: PgbenchRun
  ) async throws -> ThroughputReport.Round {
    let clock = ContinuousClock()
    try await TaskClient(store: store).pause(.default)
    let accepted = try await clock.measure { try await create(round, api) }
    try await TaskClient(store: store).resume(.default)
    let executed = try await clock.measure { try await wait(store, for: round * payments) }
    return .init(
      accepted: Double(payments) / (accepted / .seconds(1)),
      executed: Double(payments) / (executed / .seconds(1)),
      bare: try await bare.transactionsPerSecond(count: payments)
    )
  }

  private func create(_ round: Int, _ api: PaymentsClient) async throws {
    try await withThrowingTaskGroup(of: Void.self) { group in
      for number in 1...payments {
        if number > concurrency { try await group.next() }
        group.addTask {
          let payment = NewPayment(userId: "user-1", amount: 1000, currency: "EUR", description: "Throughput")
          _ = try await api.create(payment, idempotencyKey: "throughput-\(round)-\(number)")
        }
      }
      try await group.waitForAll()
    }
  }

  private func wait(_ store: PostgresTaskStore, for count: Int) async throws {
    let clock = ContinuousClock()
    let start = clock.now
    while clock.now - start < Self.limit {
      let done = try await store.pool.query(PaymentCost.look)[0].int8(0)
      if done == count { return }
      // The look reads all that are done; more often than this it would be 4 % of what is measured.
      try await clock.sleep(for: max(.milliseconds(20), (clock.now - start) / 100))
    }
    throw CommandError("The payments didn't become final in time.")
  }

  /// A database of its own, so that nobody works on what pgbench inserts.
  private func bareDatabase(_ postgres: EmbeddedPostgres) async throws -> PgbenchRun {
    let bare = postgres.connectionString(database: "bare")
    for (url, script) in [(postgres.connectionString, "CREATE DATABASE bare"), (bare, nil)] {
      let pool = LibpqPool(LibpqConfiguration(url), maxConnections: 1)
      do {
        if let script {
          try await pool.executeScript(script)
        } else {
          try await Migrator(configuration: LibpqConfiguration(url)).migrate()
          try await PaymentMigrations.apply(to: pool)
        }
      } catch {
        await pool.close()
        throw error
      }
      await pool.close()
    }
    return PgbenchRun(connectionString: bare, clients: concurrency)
  }

  private func process(_ name: String, _ arguments: [String]) throws -> WorkerProcess {
    try WorkerProcess(
      name: name,
      program: program,
      arguments: arguments,
      // Nobody calls back here; serve would say that it has no secret.
      environment: [SecretOption.callbackSecret: UUID().uuidString]
    )
  }

  private func serveArguments(_ database: String, _ provider: String) -> [String] {
    [
      "serve", "--supervised", "--database-url", database, "--port", "0", "--provider-url", provider,
      "--workers", "\(concurrency)", "--base-retry", "50ms", "--max-retry", "1s", "--backlog-limit",
      "10000000",
      "--reconcile-period", "0s", "--log-level", "critical",
    ]
  }
}
