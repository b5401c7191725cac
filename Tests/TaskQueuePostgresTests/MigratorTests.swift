import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
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
      // Each version by one of them, not both by the same.
      #expect(applied.sorted() == [1, 2])
      let status = try await Migrator(configuration: configuration, schema: schema).status()
      #expect(status.isUpToDate)
      #expect(status.applied.map(\.checksum?.count) == [64, 64])
      try await exercise(configuration, schema)
    }
  }

  @Test("psql applies the same file, and the migrator accepts it", arguments: [oddSchema, "plain"])
  func psqlPath(schema: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      let quoted = try LibpqIdentifier.quotedIdentifier(schema)
      let output = try await Psql.run(
        database.connectionString,
        [
          "-c", "CREATE SCHEMA \(quoted)", "-c", "SET search_path = \(quoted)", "-f", Psql.firstMigration, "-f",
          Psql.secondMigration,
        ]
      )
      #expect(output.status == 0, "\(output.errors)")
      try await exercise(database.postgresConfiguration, schema)
      let migrator = Migrator(configuration: database.postgresConfiguration, schema: schema)
      #expect(try await migrator.status().applied.map(\.checksum) == [nil, nil])
      #expect(try await migrator.migrate() == [])
      #expect(try await migrator.status().applied.map(\.checksum?.count) == [64, 64])
    }
  }

  @Test(
    "Version 1 with data and a program at work becomes version 2, by psql or the migrator",
    arguments: [true, false]
  )
  func upgrade(byPsql: Bool) async throws {
    try await withTestDatabase(migrated: false) { database in
      let first = try await Psql.run(
        database.connectionString,
        ["-c", "CREATE SCHEMA taskqueue", "-c", "SET search_path = taskqueue", "-f", Psql.firstMigration]
      )
      #expect(first.status == 0, "\(first.errors)")
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      for text in ["waiting", "held", "dead"] { _ = try await store.add(text) { $0.unique = UniqueKey(text) } }
      let claimed = try await store.claimAll()
      for task in claimed where task.text != "held" {
        #expect(
          try await store.settle(task.claim, task.text == "dead" ? .bury(.failed, detail: nil, .sample) : .release)
        )
      }
      let migrator = Migrator(configuration: database.postgresConfiguration)
      #expect(try await migrator.status().pending == [2])
      if byPsql {
        let second = try await Psql.run(
          database.connectionString,
          ["-c", "SET search_path = taskqueue", "-f", Psql.secondMigration]
        )
        #expect(second.status == 0, "\(second.errors)")
      } else {
        #expect(try await migrator.migrate() == [2])
      }
      #expect(try await migrator.migrate() == [])
      // The claim of before is good for an effect of now.
      let held = try #require(claimed.first { $0.text == "held" })
      let effects = TaskContext(task: held, ledger: store, logger: .silent).effects
      #expect(try await effects.perform("charge", request: 1) { _ in 7 } == 7)
      #expect(try await store.settle(held.claim, .complete))
      #expect(try await store.redrive(.all).count == 1)
      #expect(Set(try await store.claimAll().map(\.text)) == ["waiting", "dead"])
      await store.close()
    }
  }

  @Test("Version 2 is refused where version 1 is missing")
  func needsFirst() async throws {
    try await withTestDatabase(migrated: false) { database in
      let output = try await Psql.run(
        database.connectionString,
        ["-1", "-c", "CREATE SCHEMA taskqueue", "-c", "SET search_path = taskqueue", "-f", Psql.secondMigration]
      )
      #expect(output.status != 0)
      #expect(output.errors.contains("no TaskQueue in this schema"))
    }
  }

  @Test("A newer schema and a changed file are refused")
  func refusals() async throws {
    try await withTestDatabase { database in
      let migrator = Migrator(configuration: database.postgresConfiguration)
      let connection = try await LibpqConnection.connect(database.postgresConfiguration)
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
      #expect(status.pending == [1, 2])
      let bad = await #expect(throws: MigrationError.self) {
        try await Migrator(configuration: configuration, schema: "").migrate()
      }
      #expect(bad?.code == .invalidSchemaName)
      let absent = LibpqConfiguration(database.connectionString + " dbname=taskqueue_absent")
      let error = await #expect(throws: MigrationError.self) { try await Migrator(configuration: absent).migrate() }
      #expect(error?.code == .databaseFailed)
    }
  }

  /// One life of a task in that schema.
  private func exercise(_ configuration: LibpqConfiguration, _ schema: String) async throws {
    let store = try PostgresTaskStore(.init(configuration, schema: schema))
    _ = try await store.add("x") { $0.unique = UniqueKey("k") }
    let claimed = try await store.claimAll()
    #expect(claimed.map(\.text) == ["x"])
    #expect(try await store.settle(claimed[0].claim, .complete))
    await store.close()
  }
}
