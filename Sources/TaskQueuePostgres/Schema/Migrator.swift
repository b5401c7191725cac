public import Libpq
public import Logging
@_spi(Store) import TaskQueue
import TaskQueueMigrations

/// Creates and updates the schema of a ``PostgresTaskStore``: the tables, by numbered versions, and then the functions.
///
/// Everything is one transaction. May be mixed with `psql -f migrations/install.sql`, and started by many processes at once: one works,
/// the others wait. Needs a direct connection or one through a transaction pooler. With an up-to-date schema it only reads.
///
/// A program that meets a newer schema starts if the newer versions say that it may, so that a deploy can be rolled back; it leaves
/// newer functions alone.
public struct Migrator: Sendable {
  private let configuration: LibpqConfiguration
  private let schemaName: String
  private let logger: Logger
  private let scripts: SchemaScripts

  public init(
    configuration: LibpqConfiguration,
    schema: String = "taskqueue",
    logger: Logger = Logger(label: "taskqueue.migrator", factory: { _ in SwiftLogNoOpLogHandler() })
  ) {
    self.init(configuration: configuration, schema: schema, logger: logger, scripts: .current)
  }

  init(configuration: LibpqConfiguration, schema: String, logger: Logger, scripts: SchemaScripts) {
    self.configuration = configuration
    schemaName = schema
    self.logger = logger
    self.scripts = scripts
  }

  /// Brings the schema up to this program's version; creates it if needed. Idempotent.
  ///
  /// - Returns: the versions applied by this call.
  /// - Throws: ``MigrationError``; then nothing of this call stays.
  @discardableResult
  public func migrate() async throws(MigrationError) -> [Int] {
    let schema = try validatedSchema()
    let applied = try await withConnection { connection in
      try await connection.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
        let migration = SchemaMigration(schema: schema, scripts: scripts, connection: transaction)
        try await migration.prepare(transaction)
        return try await migration.apply(transaction)
      }
    }
    for version in applied.versions {
      logger.info("Applied a migration", metadata: [LogKey.schema: "\(schema.name)", LogKey.version: "\(version)"])
    }
    if !applied.functions.isEmpty {
      logger.info(
        "Applied functions",
        metadata: [
          LogKey.schema: "\(schema.name)", LogKey.count: "\(applied.functions.count)",
          LogKey.revision: "\(scripts.revision)",
        ]
      )
    }
    return applied.versions
  }

  /// Looks only.
  ///
  /// - Throws: ``MigrationError``, but not for a newer schema.
  public func status() async throws(MigrationError) -> MigrationStatus {
    let schema = try validatedSchema()
    return try await withConnection { connection in
      let migration = SchemaMigration(schema: schema, scripts: scripts, connection: connection)
      return try await migration.status()
    }
  }

  private func validatedSchema() throws(MigrationError) -> SchemaName {
    do { return try SchemaName(schemaName) } catch {
      throw MigrationError(.invalidSchemaName, error.message, underlying: error)
    }
  }

  private func withConnection<Value>(
    _ body: (LibpqConnection) async throws -> Value
  ) async throws(MigrationError) -> Value {
    do {
      let connection = try await LibpqConnection.connect(configuration)
      let value = try await body(connection)
      await connection.close()
      return value
    } catch let error as MigrationError {
      throw error
    } catch {
      throw failure(error)
    }
  }

  private func failure(_ error: any Error) -> MigrationError {
    switch (error as? LibpqError)?.sqlState {
    case "42501":
      MigrationError(
        .insufficientPrivilege,
        """
        The role lacks a privilege for the schema \(schemaName); nothing was changed. What is missing there is created by its owner: run \
        Migrator or psql -f migrations/install.sql as that role. Others need USAGE on it, and SELECT on migration and installed_function.
        """,
        underlying: error
      )
    case "25006":
      MigrationError(
        .databaseFailed,
        "The schema \(schemaName) needs changes, and the session is read-only: a standby, or default_transaction_read_only is on.",
        underlying: error
      )
    case "42P07", "42710", "42723":
      MigrationError(
        .foreignTable,
        "The schema \(schemaName) has something of a name that TaskQueue needs. Give TaskQueue a schema of its own; nothing was changed.",
        underlying: error
      )
    default:
      MigrationError(
        .databaseFailed,
        "The schema \(schemaName) could not be migrated; nothing was changed.",
        underlying: error
      )
    }
  }
}
