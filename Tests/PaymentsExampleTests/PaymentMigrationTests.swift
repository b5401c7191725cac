import Libpq
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("The app's own tables")
struct PaymentMigrationTests {
  @Test("Payments of the first version get a history, and count as executed if they may have been", .database)
  func upgrades() async throws {
    let database = try #require(TestDatabase.current)
    let pool = LibpqPool(database.postgresConfiguration, maxConnections: 2)
    try await pool.executeScript(String(decoding: PackageResources.P0001_payments_sql, as: UTF8.self))
    try await pool.executeScript(
      """
      INSERT INTO payments.payment (user_id, amount, currency, description, status, provider_id)
      VALUES ('u', 1, 'EUR', '', 'CREATED', NULL), ('u', 2, 'EUR', '', 'INIT', 'p')
      """
    )
    try await pool.executeScript(String(decoding: PackageResources.P0002_api_sql, as: UTF8.self))
    try await Migrator(configuration: database.postgresConfiguration).migrate()
    try await pool.executeScript(
      """
      INSERT INTO payments.unmatched_callback (provider_id, event_id, status) VALUES ('x', 'e', 'DONE');
      SELECT taskqueue.enqueue('payments.purge', '{}');
      """
    )
    for _ in 1...2 { try await PaymentMigrations.apply(to: pool) }
    #expect(try await pool.query("SELECT count(*) FROM taskqueue.task")[0].int8(0) == 0)
    let payments = try await PaymentStore.list(after: nil, limit: 10, in: pool)
    let fresh = try #require(payments.first { $0.amount == 1 })
    let registered = try #require(payments.first { $0.amount == 2 })
    #expect(!fresh.state.isExecutionRequested)
    #expect(registered.state.isExecutionRequested)
    #expect(try await PaymentEventStore.list(fresh.id, in: pool).map(\.kind) == [.created])
    #expect(try await PaymentEventStore.list(registered.id, in: pool).map(\.status) == [.created, .initial])
    await pool.close()
  }

  @Test(
    "Ids are random UUIDs of version 7 that sort by the time of day, and each database has a namespace of its own",
    .database
  )
  func ids() async throws {
    let database = try #require(TestDatabase.current)
    let pool = LibpqPool(database.postgresConfiguration, maxConnections: 2)
    try await PaymentMigrations.apply(to: pool)
    let row = try await pool.query(
      """
      WITH made AS MATERIALIZED (
        SELECT clock_timestamp() AS since, payments.new_id() AS id, clock_timestamp() AS until FROM generate_series(1, 10000)
      )
      SELECT count(DISTINCT id), bool_and(id::text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$'),
        count(DISTINCT right(id::text, 18)), count(DISTINCT substr(id::text, 16, 3)) > 3000,
        bool_and(('x0000' || left(replace(id::text, '-', ''), 12))::bit(64)::bigint
          BETWEEN floor(extract(epoch FROM since) * 1000) AND ceil(extract(epoch FROM until) * 1000))
      FROM made
      """
    )[0]
    #expect(try row.int8(0) == 10_000)
    #expect(try row.bool(1), "the version and the variant")
    #expect(try row.int8(2) == 10_000, "the random end alone tells them apart")
    #expect(try row.bool(3), "the bits behind the version are random too")
    #expect(try row.bool(4), "milliseconds")
    let namespace = try await PaymentNamespace.find(in: pool)
    try await pool.executeScript("DROP SCHEMA payments CASCADE")
    try await PaymentMigrations.apply(to: pool)
    #expect(try await PaymentNamespace.find(in: pool) != namespace)
    await pool.close()
  }
}
