import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The migrator")
struct MigratorTests {
  static let oddSchema = "my \"odd\" Schema"

  @Test("Migrates any schema name once; many may start at once", arguments: ["taskqueue", oddSchema, "émigré'; --"])
  func concurrentStarters(schema: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      let configuration = database.postgresConfiguration
      let applied = try await withThrowingTaskGroup(of: [Int].self) { group in
        for _ in 0..<8 {
          group.addTask { try await Migrator(configuration: configuration, schema: schema).migrate() }
        }
        return try await group.reduce(into: []) { $0 += $1 }
      }
      #expect(applied == [1])
      let status = try await Migrator(configuration: configuration, schema: schema).status()
      #expect(status.isUpToDate)
      #expect(status.applied.map(\.checksum?.count) == [64])
      try await exercise(configuration, schema)
    }
  }

  @Test("psql applies the same file, and the migrator accepts it", arguments: [oddSchema, "plain"])
  func psqlPath(schema: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      let quoted = try PostgresIdentifier.quotedIdentifier(schema)
      let output = try await Psql.run(
        database.connectionString,
        ["-c", "CREATE SCHEMA \(quoted)", "-c", "SET search_path = \(quoted)", "-f", Psql.firstMigration]
      )
      #expect(output.status == 0, "\(output.errors)")
      try await exercise(database.postgresConfiguration, schema)
      let migrator = Migrator(configuration: database.postgresConfiguration, schema: schema)
      #expect(try await migrator.status().applied.map(\.checksum) == [nil])
      #expect(try await migrator.migrate() == [])
      #expect(try await migrator.status().applied.map(\.checksum?.count) == [64])
    }
  }

  @Test("A newer schema and a changed file are refused")
  func refusals() async throws {
    try await withTestDatabase { database in
      let migrator = Migrator(configuration: database.postgresConfiguration)
      let connection = try await PostgresConnection.connect(database.postgresConfiguration)
      try await connection.query("UPDATE taskqueue.migration SET checksum = 'other'")
      var error = await #expect(throws: MigrationError.self) { try await migrator.migrate() }
      #expect(error?.code == .checksumMismatch)
      try await connection.query("INSERT INTO taskqueue.migration (version, name) VALUES (99, 'future')")
      error = await #expect(throws: MigrationError.self) { try await migrator.migrate() }
      #expect(error?.code == .schemaIsNewer)
      await connection.close()
    }
  }

  @Test("A database that is not there and a bad name are typed errors; a fresh one has everything pending")
  func otherErrors() async throws {
    try await withTestDatabase(migrated: false) { database in
      let configuration = database.postgresConfiguration
      let status = try await Migrator(configuration: configuration).status()
      #expect(status.pending == [1])
      let bad = await #expect(throws: MigrationError.self) {
        try await Migrator(configuration: configuration, schema: "").migrate()
      }
      #expect(bad?.code == .invalidSchemaName)
      let absent = PostgresConfiguration(database.connectionString + " dbname=taskqueue_absent")
      let error = await #expect(throws: MigrationError.self) { try await Migrator(configuration: absent).migrate() }
      #expect(error?.code == .databaseFailed)
    }
  }

  /// One life of a task in that schema.
  private func exercise(_ configuration: PostgresConfiguration, _ schema: String) async throws {
    let store = try PostgresTaskStore(.init(configuration, schema: schema))
    _ = try await store.add("x") { $0.unique = UniqueKey("k") }
    let claimed = try await store.claimAll()
    #expect(claimed.map(\.text) == ["x"])
    #expect(try await store.settle(claimed[0].claim, .complete))
    await store.close()
  }
}
