import Foundation
import HTTPTypes
import Libpq
import TaskQueueHTTP
import TaskQueueTestKit

/// A gate on a database of its own, and a table of orders that requests write to.
struct IntakeFixture: Sendable {
  let pool: LibpqPool
  /// For looks from beside, also while a transaction of the other one is open.
  let watch: LibpqPool
  let store: IdempotencyStore
  let configuration: LibpqConfiguration

  static func with(_ body: (IntakeFixture) async throws -> Void) async throws {
    try await withTestDatabase(migrated: false) { database in
      let pool = LibpqPool(database.postgresConfiguration, maxConnections: 16)
      let watch = LibpqPool(database.postgresConfiguration, maxConnections: 4)
      let store = IdempotencyStore(schema: "shop")
      do {
        try await store.migrate(pool)
        try await pool.executeScript("CREATE TABLE shop.order_row (id bigint GENERATED ALWAYS AS IDENTITY, item text)")
        let configuration = database.postgresConfiguration
        try await body(IntakeFixture(pool: pool, watch: watch, store: store, configuration: configuration))
      } catch {
        await pool.close()
        await watch.close()
        throw error
      }
      await pool.close()
      await watch.close()
    }
  }

  var gate: IdempotencyGate { IdempotencyGate(store: store, pool: pool) }

  /// One request that orders an item, as an app's endpoint does it.
  func order(
    _ item: String,
    caller: String = "anna",
    operation: String = "POST /orders",
    key: String = "k",
    gate: IdempotencyGate? = nil,
    backlog: BacklogGate? = nil,
    then hold: @Sendable () async throws -> Void = {}
  ) async throws -> IdempotentAnswer {
    let key = RequestKey(caller: caller, operation: operation, key: key)
    let fingerprint = try RequestFingerprint(of: item)
    return try await (gate ?? self.gate).answer(key, fingerprint, backlog: backlog) { transaction in
      let sql = "INSERT INTO shop.order_row (item) VALUES ($1) RETURNING id"
      let id = try await transaction.query(sql, [.text(item)])[0].int8(0)
      try await hold()
      return IdempotentAnswer(
        .accepted,
        fields: [.location: "/orders/\(id)", .contentType: "text/plain"],
        body: Data("\(caller): \(item)".utf8)
      )
    }
  }

  func orders() async throws -> Int { try await count("shop.order_row") }
  func keys() async throws -> Int { try await count("shop.idempotency_key") }

  private func count(_ table: String) async throws -> Int {
    Int(try await pool.query("SELECT count(*) FROM \(table)")[0].int8(0))
  }

  /// Waits until as many sessions wait for a lock.
  func waiters(_ count: Int) async throws {
    try await eventually("\(count) wait for a lock") {
      let sql = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
      return try await watch.query(sql)[0].int8(0) == Int64(count)
    }
  }

  /// Waits until the transaction of another request has taken its key.
  func taken() async throws {
    try await eventually("a key is taken") {
      let sql = """
        SELECT count(*) FROM pg_stat_activity
        WHERE datname = current_database() AND state = 'idle in transaction' AND backend_xid IS NOT NULL
        """
      return try await watch.query(sql)[0].int8(0) > 0
    }
  }
}
