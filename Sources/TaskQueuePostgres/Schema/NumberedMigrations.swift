package import Libpq

/// Migrations of tables that stand beside the queue's: an outbox's, an app's.
///
/// Simpler than those of ``Migrator``: no checksums, no functions apart from their version. Each script ends with entering its version into
/// the table of versions, which the first one creates.
package struct NumberedMigrations: Sendable {
  package struct Script: Sendable {
    package let version: Int64
    package let sql: String

    package init(version: Int64, sql: String) {
      self.version = version
      self.sql = sql
    }

    package init(version: Int64, bytes: [UInt8]) {
      self.init(version: version, sql: String(decoding: bytes, as: UTF8.self))
    }
  }

  /// The table of versions, as SQL: with its schema, quoted where needed.
  private let table: String
  private let scripts: [Script]

  /// - Parameter scripts: by ascending version.
  package init(table: String, scripts: [Script]) {
    self.table = table
    self.scripts = scripts
  }

  /// Waits for concurrent callers, to the end of their transactions: before anything that is to be done once.
  package func wait(in transaction: LibpqTransaction) async throws(LibpqError) {
    try await transaction.query(
      "SELECT pg_advisory_xact_lock(hashtextextended('taskqueue.migrations:' || $1, 0))",
      [.text(table)]
    )
  }

  /// Applies those that are not there yet. Concurrent callers wait for one another.
  ///
  /// - Returns: how many were applied.
  @discardableResult
  package func apply(in transaction: LibpqTransaction) async throws(LibpqError) -> Int {
    // Limits for the app's statements are too short for these.
    try await transaction.executeScript(
      "SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL client_min_messages = warning"
    )
    try await wait(in: transaction)
    var applied: Int64 = 0
    if try await transaction.query("SELECT to_regclass($1) IS NOT NULL", [.text(table)])[0].bool(0) {
      applied = try await transaction.query("SELECT coalesce(max(version), 0)::bigint FROM \(table)")[0].int8(0)
    }
    let pending = scripts.filter { $0.version > applied }
    for script in pending { try await transaction.executeScript(script.sql) }
    return pending.count
  }
}
