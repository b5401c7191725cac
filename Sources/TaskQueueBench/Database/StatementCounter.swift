import Libpq

/// How many statements this database has run.
struct StatementCounter: Sendable {
  /// Top-level statements with pg_stat_statements, else transactions.
  let statements: Int64
  /// Calls of the claim function; nil without pg_stat_statements.
  let claims: Int64?

  /// Whether pg_stat_statements is loaded and its view can be read.
  static func prepare(_ connection: LibpqConnection) async throws -> Bool {
    let loaded = try await connection.query(
      "SELECT current_setting('shared_preload_libraries') LIKE '%pg_stat_statements%'"
    )
    guard try loaded[0].bool(0) else { return false }
    try await connection.executeScript(
      "SET client_min_messages = warning; CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
    )
    return true
  }

  /// Its own query is the same each time, and taken out.
  static func read(_ connection: LibpqConnection, isExact: Bool) async throws -> StatementCounter {
    guard isExact else {
      let row = try await connection.query(
        "SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()"
      )
      return StatementCounter(statements: try row[0].int8(0), claims: nil)
    }
    let row = try await connection.query(
      """
      SELECT coalesce(sum(calls), 0)::bigint, coalesce(sum(calls) FILTER (WHERE query LIKE '%.\\_claim(%'), 0)::bigint
      FROM pg_stat_statements
      WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database()) AND query NOT LIKE '%pg_stat_statements%'
      """
    )
    return StatementCounter(statements: try row[0].int8(0), claims: try row[0].int8(1))
  }
}
