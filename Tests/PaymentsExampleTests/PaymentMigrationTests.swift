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
    let payments = try await PaymentStore.list(from: 1, limit: 10, in: pool)
    #expect(payments.map { $0.state.isExecutionRequested } == [false, true])
    #expect(try await PaymentEventStore.list(1, in: pool).map(\.kind) == [.created])
    #expect(try await PaymentEventStore.list(2, in: pool).map(\.status) == [.created, .initial])
    await pool.close()
  }
}
