import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueMigrations
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

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
      #expect(applied == [1, 2, 3, 4, 5, 6, 7, 8, 9])
      let status = try await Migrator(configuration: configuration, schema: schema).status()
      #expect(status.isUpToDate)
      #expect(status.applied.map(\.checksum?.count) == [64, 64, 64, 64, 64, 64, 64, 64, 64])
      #expect(status.applied.map(\.minimumProgramVersion) == [1, 1, 1, 1, 1, 1, 1, 1, 1])
      #expect(status.functionRevision == SchemaScripts.current.revision)
      try await exercise(configuration, schema)
    }
  }

  @Test("psql installs the same, again and again, and the migrator accepts it", arguments: [oddSchema, "plain"])
  func psqlPath(schema: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      for _ in 1...2 {
        let output = try await Psql.install(database.connectionString, schema: schema)
        #expect((output.status, output.text, output.errors) == (0, "", ""))
      }
      try await exercise(database.postgresConfiguration, schema)
      let migrator = Migrator(configuration: database.postgresConfiguration, schema: schema)
      let fresh = try await migrator.status()
      #expect(fresh.applied.map(\.checksum) == [nil, nil, nil, nil, nil, nil, nil, nil, nil])
      #expect(fresh.functionRevision == SchemaScripts.current.revision)
      #expect(fresh.pendingFunctions.count == SchemaScripts.current.functions.count)
      #expect(try await migrator.migrate() == [])
      let status = try await migrator.status()
      #expect(status.applied.map(\.checksum?.count) == [64, 64, 64, 64, 64, 64, 64, 64, 64])
      #expect(status.isUpToDate)
      // And again by psql, over what the migrator did.
      #expect(try await Psql.install(database.connectionString, schema: schema).status == 0)
      #expect(try await migrator.migrate() == [])
      try await exercise(database.postgresConfiguration, schema)
    }
  }

  @Test("Without -1 psql still installs in one transaction")
  func psqlAlone() async throws {
    try await withTestDatabase(migrated: false) { database in
      let file = Psql.migrations.appending(path: "install.sql").path
      let output = try await Psql.run(database.connectionString, ["-f", file])
      #expect((output.status, output.errors) == (0, ""))
      try await exercise(database.postgresConfiguration, "taskqueue")
      let times = try await database.query("SELECT count(DISTINCT applied_at) FROM taskqueue.migration")
      #expect(try times[0].int8(0) == 1)
    }
  }

  @Test(
    "What people set for psql changes nothing",
    arguments: [["-v", "ON_ERROR_ROLLBACK=on", "-1"], ["-v", "ON_ERROR_ROLLBACK=on"], ["-v", "AUTOCOMMIT=off"]]
  )
  func psqlSettings(arguments: [String]) async throws {
    try await withTestDatabase(migrated: false) { database in
      let file = Psql.migrations.appending(path: "install.sql").path
      let output = try await Psql.run(database.connectionString, arguments + ["-f", file])
      #expect((output.status, output.errors) == (0, ""))
      let status = try await Migrator(configuration: database.postgresConfiguration).status()
      #expect(status.pending.isEmpty && status.functionRevision == SchemaScripts.current.revision)
    }
  }

  @Test("A role that owns nothing migrates to what psql has installed, and is told when it lacks something")
  func borrower() async throws {
    try await withTestDatabase(migrated: false) { database in
      let role = "borrower_of_\(database.name)"
      #expect(try await Psql.install(database.connectionString, schema: "taskqueue").status == 0)
      try await database.query("CREATE ROLE \(role) LOGIN")
      try await database.query("GRANT USAGE ON SCHEMA taskqueue TO \(role)")
      try await database.query("GRANT SELECT ON ALL TABLES IN SCHEMA taskqueue TO \(role)")
      let address = database.connectionString
      let separator = !address.contains("://") ? " " : address.contains("?") ? "&" : "?"
      let borrower = LibpqConfiguration("\(address)\(separator)user=\(role)")
      #expect(try await Migrator(configuration: borrower).migrate() == [])
      #expect(try await Migrator(configuration: borrower).status().isUpToDate)
      // The owner records what psql could not.
      #expect(try await Migrator(configuration: database.postgresConfiguration).migrate() == [])
      #expect(try await Migrator(configuration: borrower).migrate() == [])
      try await database.query("DELETE FROM taskqueue.installed_function WHERE name = 'cancel'")
      let error = await #expect(throws: MigrationError.self) { try await Migrator(configuration: borrower).migrate() }
      #expect(error?.code == .insufficientPrivilege)
      #expect(error?.message.contains("by its owner") == true)
      try await database.query("DROP OWNED BY \(role)")
      try await database.query("DROP ROLE \(role)")
    }
  }

  @Test(
    "A schema without effects, with data and a program at work, gets them, by psql or the migrator",
    arguments: [true, false]
  )
  func upgrade(byPsql: Bool) async throws {
    try await withTestDatabase(migrated: false) { database in
      let configuration = database.postgresConfiguration
      try await Migrator(configuration: configuration, scripts: .withoutEffects).migrate()
      let store = try PostgresTaskStore(.init(configuration))
      for text in ["waiting", "held", "dead"] { _ = try await store.add(text) { $0.unique = UniqueKey(text) } }
      let claimed = try await store.claimAll()
      for task in claimed where task.text != "held" {
        #expect(
          try await store.settle(task.claim, task.text == "dead" ? .bury(.failed, detail: nil, .sample) : .release)
        )
      }
      let migrator = Migrator(configuration: configuration)
      #expect(try await migrator.status().pending == [2])
      if byPsql {
        let output = try await Psql.install(database.connectionString, schema: "taskqueue")
        #expect((output.status, output.errors) == (0, ""))
        #expect(try await migrator.migrate() == [])
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

  @Test("A changed file of a version is refused")
  func changedFile() async throws {
    try await withTestDatabase { database in
      try await database.query("UPDATE taskqueue.migration SET checksum = 'other'")
      let error = await #expect(throws: MigrationError.self) {
        try await Migrator(configuration: database.postgresConfiguration).migrate()
      }
      #expect(error?.code == .checksumMismatch)
    }
  }

  @Test("A failing migration leaves nothing behind")
  func failure() async throws {
    try await withTestDatabase(migrated: false) { database in
      var scripts = SchemaScripts.current
      scripts.versions.append(
        .init(version: 10, name: "broken", bytes: Array("CREATE TABLE a (x int); SELECT 1/0".utf8))
      )
      let broken = Migrator(configuration: database.postgresConfiguration, scripts: scripts)
      let error = await #expect(throws: MigrationError.self) { try await broken.migrate() }
      #expect(error?.code == .databaseFailed)
      let pending = try await broken.status().pending
      #expect(pending == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      let applied = try await Migrator(configuration: database.postgresConfiguration).migrate()
      #expect(applied == [1, 2, 3, 4, 5, 6, 7, 8, 9])
    }
  }

  @Test("A database that is not there and a bad name are typed errors; a fresh one has everything pending")
  func otherErrors() async throws {
    try await withTestDatabase(migrated: false) { database in
      let configuration = database.postgresConfiguration
      let status = try await Migrator(configuration: configuration).status()
      #expect(status.pending == [1, 2, 3, 4, 5, 6, 7, 8, 9])
      #expect(status.functionRevision == nil)
      #expect(!status.isUpToDate)
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

extension Migrator {
  init(configuration: LibpqConfiguration, scripts: SchemaScripts) {
    self.init(configuration: configuration, schema: "taskqueue", logger: .silent, scripts: scripts)
  }
}

extension SchemaScripts {
  /// As a program that knows no effects would bring them.
  static var withoutEffects: SchemaScripts {
    let current = SchemaScripts.current
    return SchemaScripts(
      versions: current.versions.filter { $0.name != "effects" },
      functions: current.functions.filter { !$0.name.contains("effect") && !$0.name.contains("event") },
      revision: current.revision
    )
  }
}

extension TestDatabase {
  /// One statement on a connection of its own.
  @discardableResult
  func query(_ sql: String) async throws -> LibpqResult {
    let connection = try await LibpqConnection.connect(postgresConfiguration)
    let result = try await connection.query(LibpqStatement(sql))
    await connection.close()
    return result
  }
}
