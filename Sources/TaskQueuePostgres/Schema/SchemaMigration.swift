import Libpq
import TaskQueue
import TaskQueueMigrations

/// The steps of ``Migrator`` on one connection; those that change something in one transaction.
struct SchemaMigration<Connection: LibpqQueryable> {
  let schema: SchemaName
  let scripts: SchemaScripts
  let connection: Connection

  /// What was done.
  struct Applied {
    var versions: [Int] = []
    var functions: [String] = []
  }

  private struct RecordedFunction {
    let revision: Int
    let checksum: String?
  }

  // MARK: - Looking

  func status() async throws -> MigrationStatus {
    _ = try await isSchemaThere()
    let applied = try await appliedVersions()
    var status = MigrationStatus(applied: applied, pending: [])
    let versions = Set(applied.map(\.version))
    status.pending = scripts.versions.map(\.version).filter { !versions.contains($0) }
    let recorded = versions.isEmpty ? [:] : try await recordedFunctions()
    status.functionRevision = recorded.values.map(\.revision).max()
    if !isOlder(than: recorded) {
      let checksums = try await checksums(scripts.functions.map(\.bytes))
      let isOwner = try await isOwner(applied)
      let strayed = try await strayedFunctions()
      status.pendingFunctions = zip(scripts.functions, checksums).filter { file, checksum in
        strayed.contains(file.name) || !isInstalled(file, checksum, recorded, isOwner: isOwner)
      }.map(\.0.name)
    }
    return status
  }

  /// Another's functions are newer.
  private func isOlder(than recorded: [String: RecordedFunction]) -> Bool {
    recorded.values.contains { $0.revision > scripts.revision }
  }

  /// What psql has applied, its owner applies once more, for the checksum; for others its revision will do.
  private func isInstalled(
    _ file: FunctionFile,
    _ checksum: String,
    _ recorded: [String: RecordedFunction],
    isOwner: Bool
  ) -> Bool {
    guard let function = recorded[file.name], function.revision == scripts.revision else { return false }
    return function.checksum == checksum || function.checksum == nil && !isOwner
  }

  /// Whether the role may change what is there.
  private func isOwner(_ applied: [MigrationStatus.Applied]) async throws -> Bool {
    if applied.isEmpty { return true }
    let result = try await connection.query(
      "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class WHERE oid = to_regclass($1)::oid",
      [.text("\(schema.quoted).migration")]
    )
    return try result[0].bool(0)
  }

  // MARK: - Changing

  /// Waits for other migrations, creates the schema, and lets what follows create everything in it.
  func prepare(_ transaction: LibpqTransaction) async throws {
    // Limits for the app's statements are too short for these.
    try await transaction.executeScript(
      """
      SET LOCAL statement_timeout = 0; SET LOCAL lock_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0;
      SET LOCAL client_min_messages = warning; SET LOCAL standard_conforming_strings = on
      """
    )
    // Held to the end of the transaction: works through a transaction pooler, too.
    try await transaction.query(
      "SELECT pg_advisory_xact_lock(hashtextextended('taskqueue.migrator:' || $1, 0))",
      [.text(schema.name)]
    )
    if try await !isSchemaThere() { try await transaction.executeScript("CREATE SCHEMA \(schema.quoted)") }
    // pg_temp last: a temporary table called "task" must not hide ours. Local: a pooled connection must not keep it.
    try await transaction.executeScript("SET LOCAL search_path = \(schema.quoted), pg_temp")
  }

  /// After ``prepare(_:)``.
  func apply(_ transaction: LibpqTransaction) async throws -> Applied {
    var result = Applied()
    let applied = try await appliedVersions()
    try refuseNewer(applied)
    if applied.isEmpty { try await refuseForeignFunctions() }
    let isOwner = try await isOwner(applied)
    let checksums = try await checksums(scripts.versions.map(\.bytes))
    for (file, checksum) in zip(scripts.versions, checksums) {
      if let row = applied.first(where: { $0.version == file.version }) {
        if row.checksum == checksum { continue }
        guard row.checksum == nil else {
          throw MigrationError(
            .checksumMismatch,
            "Version \(row.version) was applied from a file with another content. Applied files must not change: restore it."
          )
        }
        if !isOwner { continue }
      } else {
        try await transaction.executeScript(String(decoding: file.bytes, as: UTF8.self))
        result.versions.append(file.version)
      }
      try await connection.query(
        "UPDATE migration SET checksum = $2 WHERE version = $1",
        [.int4(Int32(file.version)), .text(checksum)]
      )
    }
    result.functions = try await applyFunctions(transaction, isOwner: isOwner)
    return result
  }

  /// Those whose hash changed; none if those there are a newer program's.
  private func applyFunctions(_ transaction: LibpqTransaction, isOwner: Bool) async throws -> [String] {
    let recorded = try await recordedFunctions()
    if isOlder(than: recorded) { return [] }
    let checksums = try await checksums(scripts.functions.map(\.bytes))
    let strayed = try await strayedFunctions()
    let pending = zip(scripts.functions, checksums).filter { file, checksum in
      strayed.contains(file.name) || !isInstalled(file, checksum, recorded, isOwner: isOwner)
    }
    guard !pending.isEmpty else { return [] }
    let changed = pending.filter { file, checksum in
      strayed.contains(file.name) || recorded[file.name]?.checksum != checksum
    }
    for (file, _) in changed { try await transaction.executeScript(String(decoding: file.bytes, as: UTF8.self)) }
    try await connection.query(
      """
      INSERT INTO installed_function (name, checksum, revision)
      SELECT u.name, u.checksum, $3 FROM unnest($1::text[], $2::text[]) AS u(name, checksum)
      ON CONFLICT (name) DO UPDATE SET revision = excluded.revision, checksum = excluded.checksum, applied_at = now()
      """,
      [
        .textArray(pending.map(\.0.name)), .textArray(pending.map(\.1)), .int4(Int32(scripts.revision)),
      ]
    )
    return changed.map(\.0.name)
  }

  private func refuseNewer(_ applied: [MigrationStatus.Applied]) throws(MigrationError) {
    let known = scripts.newestVersion
    let needed = applied.filter { $0.version > known }.map(\.minimumProgramVersion).max() ?? 0
    guard needed > known else { return }
    throw MigrationError(
      .schemaIsNewer,
      """
      The schema \(schema.quoted) has version \(applied.map(\.version).max() ?? 0), which works with programs that know version \
      \(needed) or later; this program knows versions up to \(known). Deploy a program with a newer release of TaskQueue.
      """
    )
  }

  // MARK: - Reading

  /// Whether the schema is there.
  ///
  /// - Throws: `insufficientPrivilege` if the role may not use it. PostgreSQL passes over such a schema in silence, and would then create
  ///   everything in the next one of the search path.
  private func isSchemaThere() async throws -> Bool {
    let result = try await connection.query(
      "SELECT has_schema_privilege(oid, 'USAGE'), quote_ident(current_user) FROM pg_namespace WHERE nspname = $1",
      [.text(schema.name)]
    )
    guard let row = result.rows.first else { return false }
    guard try !row.bool(0) else { return true }
    throw MigrationError(
      .insufficientPrivilege,
      """
      The role may not use the schema. Let the owner of the schema run: GRANT USAGE ON SCHEMA \(schema.quoted) TO \(try row.text(1)); for \
      all that a worker needs: SELECT \(schema.quoted).grant_worker('…').
      """
    )
  }

  /// By ascending version; none: the schema is missing or empty.
  private func appliedVersions() async throws -> [MigrationStatus.Applied] {
    let table = "\(schema.quoted).migration"
    let found = try await connection.query(
      """
      SELECT c.relkind = 'r'
        AND (SELECT count(*) FROM pg_attribute AS a WHERE a.attrelid = c.oid AND (a.attname, a.atttypid) IN (('version', 'int4'::regtype),
          ('name', 'text'::regtype), ('minimum_program_version', 'int4'::regtype), ('checksum', 'text'::regtype),
          ('applied_at', 'timestamptz'::regtype))) = 5
        AND EXISTS (SELECT FROM pg_class AS f WHERE f.relnamespace = n.oid AND f.relname = 'installed_function' AND f.relkind = 'r')
      FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = 'migration'
      """,
      [.text(schema.name)]
    )
    guard let row = found.rows.first else { return [] }
    guard try row.bool(0) else { throw foreignTable(table) }
    let result = try await connection.query(
      "SELECT version, name, minimum_program_version, checksum, applied_at FROM \(table) ORDER BY version"
    )
    let applied = try result.rows.map { row throws(LibpqError) in
      MigrationStatus.Applied(
        version: Int(try row.int8(0)),
        name: try row.text(1),
        minimumProgramVersion: Int(try row.int8(2)),
        checksum: try row.optionalText(3),
        appliedAt: try row.timestamptz(4)
      )
    }
    guard applied.first?.version == 1, applied[0].name == scripts.versions.first?.name else {
      throw foreignTable(table)
    }
    return applied
  }

  private func foreignTable(_ table: String) -> MigrationError {
    MigrationError(
      .foreignTable,
      "The table \(table) is not TaskQueue's: another tool's, or one of before the first release. Give TaskQueue a schema of its own."
    )
  }

  /// Before the first version is applied: one with the same parameters would be replaced.
  private func refuseForeignFunctions() async throws {
    let result = try await connection.query(
      """
      SELECT p.proname::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace
      WHERE n.nspname = $1 AND p.proname::text = ANY ($2::text[]) ORDER BY 1 LIMIT 1
      """,
      [.text(schema.name), .textArray(scripts.functions.map(\.name))]
    )
    guard let row = result.rows.first else { return }
    throw MigrationError(
      .foreignTable,
      "The schema \(schema.quoted) has a function \(try row.text(0)) that is not TaskQueue's. Give TaskQueue a schema of its own."
    )
  }

  /// Functions that look for their tables in another schema: this one was renamed. The quotes depend on settings.
  private func strayedFunctions() async throws -> Set<String> {
    let result = try await connection.query(
      """
      SELECT p.proname::text FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace CROSS JOIN unnest(p.proconfig) AS c(setting)
      WHERE n.nspname = $1 AND starts_with(c.setting, 'search_path=')
        AND replace(c.setting, '"', '') <> 'search_path=' || replace($1, '"', '') || ', pg_temp'
      """,
      [.text(schema.name)]
    )
    return Set(try result.rows.map { row throws(LibpqError) in try row.text(0) })
  }

  private func recordedFunctions() async throws -> [String: RecordedFunction] {
    let result = try await connection.query("SELECT name, revision, checksum FROM \(schema.quoted).installed_function")
    var recorded: [String: RecordedFunction] = [:]
    for row in result.rows {
      recorded[try row.text(0)] = RecordedFunction(revision: Int(try row.int8(1)), checksum: try row.optionalText(2))
    }
    return recorded
  }

  /// SHA-256 in hex, by the server. The files are ASCII: the same bytes in every encoding.
  private func checksums(_ files: [[UInt8]]) async throws -> [String] {
    let result = try await connection.query(
      """
      SELECT encode(sha256(convert_to(u.text, 'UTF8')), 'hex')
      FROM unnest($1::text[]) WITH ORDINALITY AS u(text, place) ORDER BY u.place
      """,
      [.textArray(files.map { String(decoding: $0, as: UTF8.self) })]
    )
    return try result.rows.map { row throws(LibpqError) in try row.text(0) }
  }
}
