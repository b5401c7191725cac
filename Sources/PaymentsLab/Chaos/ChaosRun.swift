import AsyncHTTPClient
import EmbeddedPostgres
import Foundation
import Libpq
import PaymentsExample

/// Payments through processes that are killed at random, a database that crashes, providers that do what they shouldn't, a switch from
/// one to the other, somebody else with a database of his own who uses the same, and a person who cancels what was stopped because
/// of all that, and pays some of it back.
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
    let neighbour = postgres.connectionString(database: "neighbour")
    let tenants = [
      ChaosTenant(
        name: "main",
        database: postgres.connectionString,
        payments: settings.payments,
        servers: ["A", "B"],
        settings: settings
      ),
      ChaosTenant(
        name: "neighbour",
        database: neighbour,
        payments: settings.neighbourPayments,
        servers: ["N"],
        settings: settings
      ),
    ]
    let servers = tenants.flatMap(\.servers)
    var providers: [WorkerProcess] = []
    let result: Result<ChaosReport, any Error>
    do {
      try await tenants[0].pool.executeScript("CREATE DATABASE neighbour")
      // The providers call back one of them, and each has to know the other's port.
      for server in servers { try await server.reservePort() }
      var urls: [String] = []
      for name in ChaosSettings.providers {
        let callbacks = "http://127.0.0.1:\(await servers[0].port)/paymentProviderCallback/\(name)"
        let process = try WorkerProcess(
          name: "provider \(name)",
          program: settings.program,
          arguments: settings.providerArguments(callbackURL: callbacks),
          environment: settings.environment
        )
        providers.append(process)
        urls.append("http://127.0.0.1:\(try await process.port())")
      }
      for server in servers { try await server.start(urls: urls) }
      let elapsed = try await disturb(tenants, postgres, client, onProgress)
      var kills: [Int] = []
      for server in servers { kills.append(await server.kills) }
      let audit = ChaosAudit(settings: settings, tenants: tenants, urls: urls, client: client)
      result = .success(try await audit.report(tally.counts, kills: kills, elapsed: elapsed))
    } catch {
      result = .failure(error)
    }
    for server in servers { await server.stop() }
    for provider in providers { await provider.stop() }
    for tenant in tenants { await tenant.pool.close() }
    return try result.get()
  }

  /// Creates the payments and lets the monkey loose until all are final, then waits for the last tasks.
  private func disturb(
    _ tenants: [ChaosTenant],
    _ postgres: EmbeddedPostgres,
    _ client: HTTPClient,
    _ onProgress: @escaping @Sendable (ChaosTally.Counts, Duration) -> Void
  ) async throws -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    let servers = tenants.flatMap(\.servers)
    let monkey = ChaosMonkey(servers: servers, postgres: postgres, settings: settings, tally: tally)
    try await withThrowingTaskGroup(of: Bool.self) { group in
      for tenant in tenants {
        let clients = await clients(tenant.servers, client)
        let creation = ChaosClient(servers: clients, payments: tenant.payments, settings: settings, tally: tally)
        group.addTask {
          try await creation.run()
          return false
        }
        group.addTask {
          try await LedgerWatch(pool: tenant.pool, tally: tally).run()
          return false
        }
        group.addTask {
          try await ChaosOperator(servers: clients, pool: tenant.pool, tally: tally).run()
          return false
        }
      }
      group.addTask {
        try await monkey.run()
        return false
      }
      group.addTask {
        try await watch(tenants, from: start, onProgress)
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
    try await settle(tenants)
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
    _ tenants: [ChaosTenant],
    from start: ContinuousClock.Instant,
    _ onProgress: @Sendable (ChaosTally.Counts, Duration) -> Void
  ) async throws {
    let clock = ContinuousClock()
    let rows = "payments.payment WHERE status IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED')"
    while clock.now - start < settings.limit {
      // No answer while the database is away.
      if let final = try? await tenants.total(rows) { tally.change { $0.final = final } }
      let counts = tally.counts
      onProgress(counts, clock.now - start)
      if counts.final == settings.allPayments, counts.accepted == counts.final { return }
      try await clock.sleep(for: .milliseconds(200))
    }
  }

  private func settle(_ tenants: [ChaosTenant]) async throws {
    let clock = ContinuousClock()
    let deadline = clock.now + Self.settleLimit
    while clock.now < deadline {
      if (try? await tenants.total(ChaosAudit.liveTasks)) == 0 { return }
      try await clock.sleep(for: .milliseconds(100))
    }
  }
}

extension [ChaosTenant] {
  /// How many rows there are in all databases.
  fileprivate func total(_ rows: String) async throws -> Int {
    var total = 0
    for tenant in self { total += try await tenant.count(rows) }
    return total
  }
}
