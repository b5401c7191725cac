import EmbeddedPostgres
import Foundation
import Libpq

/// What a payment costs the database from `POST /payments` until it is final, claims and everything else that goes on included.
package struct PaymentCost: Equatable, Sendable {
  /// But for `BEGIN` and `COMMIT`, and what triggers do.
  var statements: Double
  /// Transactions that wrote something.
  var commits: Double

  /// Of the cluster: statements are counted from ``measure(_:on:_:_:)`` on.
  static let settings = ["shared_preload_libraries": "pg_stat_statements", "pg_stat_statements.track": "none"]
  /// Whoever waits asks this, and it doesn't count.
  static let look = "SELECT count(*) FROM payments.payment WHERE status = 'DONE'"

  var line: String {
    let numbers = [statements, commits].map { String(format: "%.1f", $0) }
    return "A payment is \(numbers[0]) statements and \(numbers[1]) commits."
  }

  /// - Parameter work: makes so many payments, and returns when all are final.
  static func measure(
    _ payments: Int,
    on postgres: EmbeddedPostgres,
    _ pool: LibpqPool,
    _ work: () async throws -> Void
  ) async throws -> PaymentCost {
    try await postgres.configure(["pg_stat_statements.track": "top"])
    try await pool.executeScript("CREATE EXTENSION pg_stat_statements; SELECT pg_stat_statements_reset()")
    let transactions = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text::bigint"
    let before = try await pool.query(transactions)[0].int8(0)
    try await work()
    let commits = try await pool.query(transactions)[0].int8(0) - before
    let statements = try await pool.query(
      """
      SELECT coalesce(sum(calls), 0)::bigint FROM pg_stat_statements
      WHERE query !~* '^(begin|commit|rollback|set|show|start)' AND query NOT LIKE 'SELECT count(*) FROM payments.payment WHERE status = %'
        AND query !~ 'pg_stat_statements|pg_snapshot_xmax'
        -- At the commit, for the ledger: by triggers, too.
        AND query !~ 'payments[.](entry|transfer) '
      """
    )[0].int8(0)
    return PaymentCost(statements: Double(statements) / Double(payments), commits: Double(commits) / Double(payments))
  }
}
