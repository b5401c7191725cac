import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("The migrator in other environments")
struct MigratorEnvironmentTests {
  /// The schema's name in double quotes must be good for both ways of reading strings, too.
  static let backslash = #"back\slash "and" it's"#

  @Test(
    "S37 Installs with standard_conforming_strings off, by itself and by psql",
    arguments: ["taskqueue", backslash]
  )
  func strings(schema: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      try await database.query("ALTER DATABASE \(database.name) SET standard_conforming_strings = off")
      #expect(
        try await Migrator(configuration: database.postgresConfiguration, schema: schema).migrate() == [
          1, 2, 3, 4, 5, 6, 7, 8, 9,
        ]
      )
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, schema: schema))
      try await store.checkEnvironment()
      _ = try await store.enqueue((0..<600).map { try NewTask(Note(text: "\($0)")) })
      let newest = try await store.add("1").id
      #expect(
        try await store.deleteDuplicates(.init(olderThan: newest, type: "note", property: "text", value: "1")) == 1
      )
      #expect(try await store.claimAll(1_000).count == 600)
      #expect(try await store.openWriters() != nil)
      await store.close()
      let output = try await Psql.install(database.connectionString, schema: schema + " 2")
      #expect((output.status, output.errors) == (0, ""))
      #expect(try await Migrator(configuration: database.postgresConfiguration, schema: schema + " 2").migrate() == [])
    }
  }

  @Test("S37 Without USAGE the role is told so, and nothing is created elsewhere", arguments: [true, false])
  func withoutUsage(isInstalled: Bool) async throws {
    try await withTestDatabase(migrated: isInstalled) { database in
      if !isInstalled { try await database.query("CREATE SCHEMA taskqueue") }
      try await database.withRole("borrower") { role in
        let migrator = Migrator(configuration: role.configuration)
        for call in [{ _ = try await migrator.migrate() }, { _ = try await migrator.status() }]
          as [() async throws -> Void]
        {
          let error = await #expect(throws: MigrationError.self) { try await call() }
          #expect(error?.code == .insufficientPrivilege)
          #expect(error?.message.contains("GRANT USAGE ON SCHEMA \"taskqueue\" TO \(role.name)") == true)
        }
        let psql = try await Psql.install(role.configuration.connectionString, schema: "taskqueue")
        #expect(psql.status != 0)
        #expect(psql.errors.contains("permission denied for schema taskqueue"))
        #expect(psql.errors.contains("GRANT USAGE ON SCHEMA taskqueue TO"))
        // Neither may a role that must not create schemas.
        let other = await #expect(throws: MigrationError.self) {
          try await Migrator(configuration: role.configuration, schema: "other").migrate()
        }
        #expect(other?.code == .insufficientPrivilege)
      }
    }
  }

  @Test("S37 After psql, a role with the template of any kind has nothing to migrate and needs no right to write")
  func afterPsql() async throws {
    try await withTestDatabase(migrated: false) { database in
      #expect(try await Psql.install(database.connectionString, schema: "taskqueue").status == 0)
      for template in ["grant_enqueuer", "grant_worker", "grant_operator"] {
        try await database.withRole("borrower") { role in
          try await role(template)
          #expect(try await Migrator(configuration: role.configuration).migrate() == [])
          #expect(try await Migrator(configuration: role.configuration).status().isUpToDate)
        }
      }
    }
  }

  @Test("S37 A renamed schema works again after the migrator or psql has seen it", arguments: [true, false])
  func renamed(byPsql: Bool) async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      _ = try await store.add("before")
      await store.close()
      for name in ["q2", MigratorTests.oddSchema] {
        let quoted = try LibpqIdentifier.quotedIdentifier(name)
        let old = name == "q2" ? "taskqueue" : "q2"
        try await database.query("ALTER SCHEMA \(old) RENAME TO \(quoted)")
        let migrator = Migrator(configuration: database.postgresConfiguration, schema: name)
        #expect(try await !migrator.status().isUpToDate)
        if byPsql {
          #expect(try await Psql.install(database.connectionString, schema: name).status == 0)
        }
        #expect(try await migrator.migrate() == [])
        #expect(try await migrator.status().isUpToDate)
        let store = try PostgresTaskStore(.init(database.postgresConfiguration, schema: name))
        try await store.checkEnvironment()
        _ = try await store.add("after") { $0.unique = UniqueKey("k") }
        let tasks = try await store.claimAll()
        #expect(tasks.map(\.text) == (name == "q2" ? ["before", "after"] : ["after"]))
        for task in tasks { #expect(try await store.settle(task.claim, .complete)) }
        await store.close()
      }
    }
  }

  @Test(
    "S37 What has one of our names already is refused, and not touched",
    arguments: [
      "CREATE FUNCTION public.cancel(task_id bigint) RETURNS text LANGUAGE sql AS $$SELECT 'theirs'$$",
      "CREATE FUNCTION public._wake(queues text[]) RETURNS void LANGUAGE sql AS $$SELECT 1$$",
      "CREATE TABLE public.task (id int)", "CREATE DOMAIN public.queue_name AS text",
      "CREATE VIEW public.live_task AS SELECT 1",
    ]
  )
  func collisions(script: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      try await database.query(script)
      let error = await #expect(throws: MigrationError.self) {
        try await Migrator(configuration: database.postgresConfiguration, schema: "public").migrate()
      }
      #expect(error?.code == .foreignTable)
      #expect(error?.message.contains("a schema of its own") == true)
      #expect(try await Psql.install(database.connectionString, schema: "public").status != 0)
      let ours = try await database.query("SELECT to_regclass('public.migration') IS NULL")
      #expect(try ours[0].bool(0))
    }
  }

  @Test("S37 Short limits and a strict isolation of the role stop neither way; a read-only session is named")
  func limits() async throws {
    try await withTestDatabase(migrated: false) { database in
      for setting in [
        "statement_timeout = '20 ms'", "lock_timeout = '1 ms'", "default_transaction_isolation = 'serializable'",
      ] {
        try await database.query("ALTER DATABASE \(database.name) SET \(setting)")
      }
      #expect(
        try await Migrator(configuration: database.postgresConfiguration).migrate() == [1, 2, 3, 4, 5, 6, 7, 8, 9]
      )
      let output = try await Psql.install(database.connectionString, schema: "other")
      #expect((output.status, output.errors) == (0, ""))
      try await database.query("ALTER DATABASE \(database.name) SET default_transaction_read_only = on")
      // With nothing to do it only reads.
      #expect(try await Migrator(configuration: database.postgresConfiguration).migrate() == [])
      let error = await #expect(throws: MigrationError.self) {
        try await Migrator(configuration: database.postgresConfiguration, schema: "third").migrate()
      }
      #expect(error?.code == .databaseFailed)
      #expect(error?.message.contains("read-only") == true)
    }
  }
}
