public import Libpq
public import Logging
@_spi(Store) import TaskQueue
import TaskQueueMigrations

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Creates and updates the schema of a ``PostgresTaskStore``.
///
/// Each version is one transaction with its row in the table `migration`. May be mixed with `psql -f`, and started by many processes
/// at once: one works, the others wait. Needs a direct connection or one through a transaction pooler.
public struct Migrator: Sendable {
  private let configuration: LibpqConfiguration
  private let schemaName: String
  private let logger: Logger
  private let files: [MigrationFile]

  public init(
    configuration: LibpqConfiguration,
    schema: String = "taskqueue",
    logger: Logger = Logger(label: "taskqueue.migrator", factory: { _ in SwiftLogNoOpLogHandler() })
  ) {
    self.init(configuration: configuration, schema: schema, logger: logger, files: MigrationFile.all)
  }

  init(configuration: LibpqConfiguration, schema: String, logger: Logger, files: [MigrationFile]) {
    self.configuration = configuration
    self.schemaName = schema
    self.logger = logger
    self.files = files
  }

  /// Brings the schema up to this program's version; creates it if needed. Idempotent.
  ///
  /// - Returns: the versions applied by this call.
  /// - Throws: ``MigrationError``. Versions applied before the failing one stay.
  @discardableResult
  public func migrate() async throws(MigrationError) -> [Int] {
    let schema = try validatedSchema()
    var applied: [Int] = []
    try await withConnection { connection in
      for file in files {
        if try await apply(file, schema, connection) { applied.append(file.version) }
      }
    }
    return applied
  }

  /// Looks only.
  public func status() async throws(MigrationError) -> MigrationStatus {
    let schema = try validatedSchema()
    var status = MigrationStatus(applied: [], pending: [])
    try await withConnection { connection in
      let table = try await connection.query("SELECT to_regclass($1)::text", [.text("\(schema.quoted).migration")])
      if try table[0].optionalText(0) != nil { status.applied = try await appliedVersions(schema, connection) }
    }
    let versions = Set(status.applied.map(\.version))
    status.pending = files.map(\.version).filter { !versions.contains($0) }
    return status
  }

  /// - Returns: whether it had to be applied.
  private func apply(
    _ file: MigrationFile,
    _ schema: SchemaName,
    _ connection: LibpqConnection
  ) async throws -> Bool {
    let isNew = try await connection.withTransaction { transaction in
      // Held to the end of the transaction: works through a transaction pooler, too.
      try await transaction.query(
        "SELECT pg_advisory_xact_lock(hashtextextended('taskqueue.migrator:' || $1, 0))",
        [.text(schema.name)]
      )
      try await transaction.executeScript("SET LOCAL client_min_messages = warning")
      let exists = try await transaction.query(
        "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
        [.text(schema.name)]
      )
      if try !exists[0].bool(0) { try await transaction.executeScript("CREATE SCHEMA \(schema.quoted)") }
      // is_local: a pooled connection must not keep it.
      try await transaction.executeScript("SET LOCAL search_path = \(schema.quoted), pg_temp")
      let table = try await transaction.query("SELECT to_regclass('migration')::text")
      let applied = try table[0].optionalText(0) == nil ? [] : try await appliedVersions(schema, transaction)
      try refuseNewer(applied)
      let checksum = try await transaction.query("SELECT encode(sha256($1), 'hex')", [.bytea(Data(file.bytes))])[0]
        .text(0)
      if let row = applied.first(where: { $0.version == file.version }) {
        try await accept(row, checksum, schema, transaction)
        return false
      }
      try await transaction.executeScript(String(decoding: file.bytes, as: UTF8.self))
      // The file sets its session's search_path, which a pooled connection must not keep.
      try await transaction.executeScript("RESET search_path")
      try await record(file.version, checksum, schema, transaction)
      return true
    }
    if isNew {
      logger.info("Applied a migration", metadata: ["schema": "\(schema.name)", "version": "\(file.version)"])
    }
    return isNew
  }

  private func refuseNewer(_ applied: [MigrationStatus.Applied]) throws(MigrationError) {
    let known = files.map(\.version).max() ?? 0
    guard let newest = applied.map(\.version).max(), newest > known else { return }
    throw MigrationError(
      .schemaIsNewer,
      "The schema has version \(newest), this program knows only \(known). Deploy a program with a newer TaskQueue."
    )
  }

  /// Fills in what psql left open; refuses what differs.
  private func accept(
    _ row: MigrationStatus.Applied,
    _ checksum: String,
    _ schema: SchemaName,
    _ transaction: LibpqTransaction
  ) async throws {
    guard let recorded = row.checksum else {
      return try await record(row.version, checksum, schema, transaction)
    }
    guard recorded == checksum else {
      throw MigrationError(
        .checksumMismatch,
        "Version \(row.version) was applied from a file with another content. Applied files must not change: restore it."
      )
    }
  }

  private func record(
    _ version: Int,
    _ checksum: String,
    _ schema: SchemaName,
    _ transaction: LibpqTransaction
  ) async throws {
    _ = try await transaction.query(
      "UPDATE \(schema.quoted).migration SET checksum = $2 WHERE version = $1",
      [.int4(Int32(version)), .text(checksum)]
    )
  }

  private func appliedVersions(
    _ schema: SchemaName,
    _ connection: some LibpqQueryable
  ) async throws(LibpqError) -> [MigrationStatus.Applied] {
    let result = try await connection.query(
      "SELECT version, name, checksum, applied_at FROM \(schema.quoted).migration ORDER BY version"
    )
    return try result.rows.map { row throws(LibpqError) in
      MigrationStatus.Applied(
        version: Int(try row.int8(0)),
        name: try row.text(1),
        checksum: try row.optionalText(2),
        appliedAt: try row.timestamptz(3)
      )
    }
  }

  private func validatedSchema() throws(MigrationError) -> SchemaName {
    do { return try SchemaName(schemaName) } catch {
      throw MigrationError(.invalidSchemaName, error.message, underlying: error)
    }
  }

  private func withConnection(_ body: (LibpqConnection) async throws -> Void) async throws(MigrationError) {
    do {
      let connection = try await LibpqConnection.connect(configuration)
      try await body(connection)
      await connection.close()
    } catch let error as MigrationError {
      throw error
    } catch {
      throw MigrationError(
        .databaseFailed,
        "The schema \(schemaName) could not be migrated; nothing of the failing version was kept.",
        underlying: error
      )
    }
  }
}
