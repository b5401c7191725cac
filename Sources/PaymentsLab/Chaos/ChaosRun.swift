import AsyncHTTPClient
import EmbeddedPostgres
import Foundation
import Libpq
import PaymentsExample

/// Payments through two processes that are killed at random, a database that crashes, a provider that does what it shouldn't, and
/// a person who cancels what was stopped because of that.
package struct ChaosRun: Sendable {
  /// From when all payments are final until the last tasks have to be done.
  static let settleLimit = Duration.seconds(120)
  private static let requestTimeout = Duration.seconds(5)

  package let settings: ChaosSettings
  private let tally = ChaosTally()

  package init(settings: ChaosSettings) {
    self.settings = settings
  }

  /// - Parameter onProgress: is told now and then, with the time since the first payment.
  package func run(
    onProgress: @escaping @Sendable (ChaosTally.Counts, Duration) -> Void = { _, _ in }
  ) async throws -> ChaosReport {
    let connections = HTTPClient.Configuration.connections(settings.concurrency)
    return try await EmbeddedPostgres.with(settings: settings.postgres) { postgres in
      try await HTTPClient.withHTTPClient(configuration: connections) { try await run(postgres, $0, onProgress) }
    }
  }

  private func run(
    _ postgres: EmbeddedPostgres,
    _ client: HTTPClient,
    _ onProgress: @escaping @Sendable (ChaosTally.Counts, Duration) -> Void
  ) async throws -> ChaosReport {
    let database = postgres.connectionString
    let servers = ["A", "B"].map { ChaosServer(name: $0, settings: settings, database: database) }
    let pool = LibpqPool(LibpqConfiguration(database), maxConnections: 2)
    var provider: WorkerProcess?
    let result: Result<ChaosReport, any Error>
    do {
      // The provider calls back one of them, and each has to know the other's port.
      for server in servers { try await server.reservePort() }
      let callbacks = "http://127.0.0.1:\(await servers[0].port)/paymentProviderCallback"
      let process = try WorkerProcess(
        name: "provider",
        program: settings.program,
        arguments: settings.providerArguments(callbackURL: callbacks),
        environment: settings.environment
      )
      provider = process
      let url = "http://127.0.0.1:\(try await process.port())"
      for server in servers { try await server.start(provider: url) }
      let elapsed = try await disturb(servers, postgres, pool, client, onProgress)
      var kills: [Int] = []
      for server in servers { kills.append(await server.kills) }
      let audit = ChaosAudit(settings: settings, pool: pool, database: database, provider: url, client: client)
      result = .success(try await audit.report(tally.counts, kills: kills, elapsed: elapsed))
    } catch {
      result = .failure(error)
    }
    for server in servers { await server.stop() }
    await provider?.stop()
    await pool.close()
    return try result.get()
  }

  /// Creates the payments and lets the monkey loose until all are final, then waits for the last tasks.
  private func disturb(
    _ servers: [ChaosServer],
    _ postgres: EmbeddedPostgres,
    _ pool: LibpqPool,
    _ client: HTTPClient,
    _ onProgress: @escaping @Sendable (ChaosTally.Counts, Duration) -> Void
  ) async throws -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    let clients = await clients(servers, client)
    let creation = ChaosClient(servers: clients, settings: settings, tally: tally)
    let monkey = ChaosMonkey(servers: servers, postgres: postgres, settings: settings, tally: tally)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      group.addTask {
        try await creation.run()
        return false
      }
      group.addTask {
        try await monkey.run()
        return false
      }
      group.addTask {
        try await LedgerWatch(pool: pool, tally: tally).run()
        return false
      }
      group.addTask {
        try await ChaosOperator(servers: clients, pool: pool).run()
        return false
      }
      group.addTask {
        try await watch(pool, from: start, onProgress)
        return true
      }
      while let isOver = try await group.next() {
        if isOver { break }
      }
      group.cancelAll()
      while await group.nextResult() != nil {}
    }
    let elapsed = clock.now - start
    for server in servers { try await server.start() }
    try await settle(pool)
    return elapsed
  }

  private func clients(_ servers: [ChaosServer], _ client: HTTPClient) async -> [PaymentsClient] {
    var clients: [PaymentsClient] = []
    for server in servers {
      let url = "http://127.0.0.1:\(await server.port)"
      clients.append(PaymentsClient(client: client, baseURL: url, timeout: Self.requestTimeout))
    }
    return clients
  }

  /// Returns when all payments are final or the time is up.
  private func watch(
    _ pool: LibpqPool,
    from start: ContinuousClock.Instant,
    _ onProgress: @Sendable (ChaosTally.Counts, Duration) -> Void
  ) async throws {
    let clock = ContinuousClock()
    while clock.now - start < settings.limit {
      // No answer while the database is away.
      let sql = "SELECT count(*) FROM payments.payment WHERE status IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED')"
      if let final = try? await Int(pool.query(sql)[0].int8(0)) { tally.change { $0.final = final } }
      let counts = tally.counts
      onProgress(counts, clock.now - start)
      if counts.final == settings.payments, counts.accepted == counts.final { return }
      try await clock.sleep(for: .milliseconds(200))
    }
  }

  private func settle(_ pool: LibpqPool) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + Self.settleLimit
    while clock.now < deadline {
      let left = try? await pool.query("SELECT count(*) FROM taskqueue.task WHERE finished_at IS NULL")[0].int8(0)
      if left == 0 { return }
      try await clock.sleep(for: .milliseconds(100))
    }
  }
}
