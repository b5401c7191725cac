import ChildProcesses
import EmbeddedPostgres
import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("Payments after commits were lost")
struct LostCommitsTests {
  private static let lost = 10

  @Test("A database restored from a backup: no new payment is a lost one's, and the lost ones show in the comparison")
  func restored() async throws {
    try await EmbeddedPostgres.with(settings: ["fsync": "off"]) { postgres in
      let dump = FileManager.default.temporaryDirectory.appending(path: "dump-\(UUID().uuidString).sql").path
      try await Self.check { body in
        try await body(postgres.connectionString, "kept")
        try await Self.run("pg_dump", ["-f", dump, postgres.connectionString])
        try await body(postgres.connectionString, "lost")
        try await Self.run("createdb", ["--maintenance-db", postgres.connectionString, "restored"])
        let database = postgres.connectionString(database: "restored")
        try await Self.run("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-f", dump, "-d", database])
        try await body(database, "later")
      }
      try FileManager.default.removeItem(atPath: dump)
    }
  }

  @Test("A failover to a standby that lagged: the same")
  func failover() async throws {
    try await EmbeddedPostgres.with(settings: ["fsync": "off"]) { primary in
      let standby = try await primary.startStandby(name: "other")
      let result: Result<Void, any Error>
      do {
        try await Self.check { body in
          try await body(primary.connectionString, "kept")
          let position = try await Self.query("SELECT pg_current_wal_lsn()::text", primary)[0].text(0)
          try await eventually("the standby has caught up") {
            try await Self.query("SELECT pg_last_wal_replay_lsn() >= '\(position)'::pg_lsn", standby)[0].bool(0)
          }
          try await standby.configure(["primary_conninfo": ""])
          try await eventually("the standby receives no more") {
            try await Self.query("SELECT count(*) FROM pg_stat_replication", primary)[0].int8(0) == 0
          }
          try await body(primary.connectionString, "lost")
          primary.kill()
          try await standby.promote()
          try await body(standby.connectionString, "later")
        }
        result = .success(())
      } catch { result = .failure(error) }
      await standby.stop()
      try result.get()
    }
  }

  /// Pays with one provider through databases that `story` brings up; the payments of its second part are lost.
  private static func check(
    _ story: (_ pay: (_ database: String, _ part: String) async throws -> Void) async throws -> Void
  ) async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let provider = fixture.simulator
      var paid: [String: [Payment]] = [:]
      try await story { database, part in
        paid[part] = try await pay(part, database, fixture)
        // Each order's payment is executed once, and is nobody else's.
        for payment in paid[part] ?? [] {
          #expect(payment.status == .done)
          #expect(provider.ledger.executions(reference: payment.reference) == 1)
          #expect(provider.ledger.entry(id: payment.providerId ?? "")?.reference == payment.reference)
        }
        guard part == "later" else { return }
        let report = try await report(database, fixture)
        let orphans = report.lines.filter { $0.kind == .orphanedExecuted }
        #expect(Set(orphans.compactMap(\.providerId)) == Set((paid["lost"] ?? []).compactMap(\.providerId)))
        #expect(orphans.count == lost)
        let others = report.lines.filter { ![.orphanedExecuted, .clearing].contains($0.kind) }
        #expect(others.isEmpty, "\(others)")
      }
      let all = paid.values.joined()
      #expect(all.count == 3 * lost)
      #expect(Set(all.map(\.id)).count == 3 * lost)
      #expect(Set(all.compactMap(\.providerId)).count == 3 * lost)
      #expect(provider.ledger.entries.reduce(0) { $0 + $1.executions } == 3 * lost)
    }
  }

  /// As `serve` does in this database.
  private static func pay(_ part: String, _ database: String, _ fixture: PaymentsFixture) async throws -> [Payment] {
    try await withApp(database, fixture) { app in
      var payments: [Payment] = []
      for number in 1...lost {
        var new = PaymentsFixture.newPayment(number)
        new.orderId = "\(part) \(number)"
        payments.append(try await app.client.pool.withTransaction { try await app.api().creation.create(new, in: $0) })
      }
      try await app.worker().whileRunning {
        try await eventually("all are final") {
          payments = try await PaymentStore.find(payments.map(\.id), in: app.client.pool)
          return payments.allSatisfy(\.status.isFinal)
        }
      }
      return payments
    }
  }

  private static func report(_ database: String, _ fixture: PaymentsFixture) async throws -> ReconciliationReport {
    try await withApp(database, fixture) { app in
      let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
      let provider = try app.providers.provider(PaymentProviders.defaultName)
      return try await ReconciliationRun(database: app.client.pool, provider: provider).report(window, grace: .zero)
    }
  }

  private static func withApp<Value>(
    _ database: String,
    _ fixture: PaymentsFixture,
    _ body: (PaymentsApp) async throws -> Value
  ) async throws -> Value {
    let store = try PostgresTaskStore(.init(LibpqConfiguration(database)))
    let result: Result<Value, any Error>
    do {
      let client = TaskClient(store: store)
      let provider = ProviderClient(
        client: fixture.http,
        baseURL: fixture.provider.caller.baseURL,
        namespace: try await PaymentsApp.migrate(client)
      )
      result = .success(
        try await body(
          PaymentsApp(
            settings: PaymentsFixture.settings(),
            client: client,
            providers: .init(provider),
            logger: Log.quiet("test")
          )
        )
      )
    } catch { result = .failure(error) }
    await store.close()
    return try result.get()
  }

  private static func query(_ sql: String, _ server: EmbeddedPostgres) async throws -> LibpqResult {
    let connection = try await LibpqConnection.connect(LibpqConfiguration(server.connectionString))
    let result: Result<LibpqResult, any Error>
    do { result = .success(try await connection.query(sql)) } catch { result = .failure(error) }
    await connection.close()
    return try result.get()
  }

  private static func run(_ program: String, _ arguments: [String]) async throws {
    var command = ChildCommand(try EmbeddedPostgres.binaryDirectory() + "/" + program, arguments)
    command.errors = .pipe
    let result = try await ChildProcess.run(command)
    #expect(result.exit.status == 0, "\(program): \(result.errors)")
  }
}
