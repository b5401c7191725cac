public import Libpq

extension IdempotencyStore {
  /// Held while migrating, so that concurrent starters wait for one another. Any fixed number of our own does.
  private static let advisoryLock: Int64 = 0x7471_5f68_7474_7031  // "tq_http1"

  private static let scripts: [(version: Int64, sql: [UInt8])] = [(1, PackageResources.H0001_idempotency_sql)]

  /// Brings the table up to this program's version, all or nothing; creates it, and the schema, if needed. With an up-to-date table it only
  /// reads. May be started by many processes at once.
  ///
  /// What is there is kept in `http_migration` beside it.
  ///
  /// - Throws: `LibpqError`: SQLSTATE 42501 if the role may not; then nothing was changed.
  public func migrate(_ pool: LibpqPool) async throws {
    if try await version(in: pool) == Self.scripts.last?.version { return }
    try await pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
      // Limits for the app's statements are too short for these.
      try await transaction.executeScript("SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0")
      _ = try await transaction.query("SELECT pg_advisory_xact_lock($1)", [.int8(Self.advisoryLock)])
      // Not IF NOT EXISTS, which wants the right to create a schema also where it is there.
      let isThere = try await transaction.query("SELECT to_regnamespace($1) IS NOT NULL", [.text(schema)])[0].bool(0)
      if !isThere { _ = try await transaction.query("CREATE SCHEMA \(schema)") }
      let applied = try await version(in: transaction)
      // Nothing is found in any other schema.
      _ = try await transaction.query("SELECT set_config('search_path', $1, true)", [.text("\(schema), pg_temp")])
      if applied == nil {
        _ = try await transaction.query(
          """
          CREATE TABLE http_migration (
            version bigint PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())
          """
        )
      }
      for script in Self.scripts where script.version > applied ?? 0 {
        try await transaction.executeScript(String(decoding: script.sql, as: UTF8.self))
        _ = try await transaction.query("INSERT INTO http_migration (version) VALUES ($1)", [.int8(script.version)])
      }
    }
  }

  /// nil: nothing is there.
  private func version(in database: some LibpqQueryable) async throws -> Int64? {
    let table = "\(schema).http_migration"
    guard try await database.query("SELECT to_regclass($1) IS NOT NULL", [.text(table)])[0].bool(0) else { return nil }
    return try await database.query("SELECT max(version) FROM \(table)")[0].optionalInt8(0) ?? 0
  }
}
