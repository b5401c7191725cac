import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueueMigrations
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Programs and schemas of different age")
struct SchemaCompatibilityTests {
  /// As a later release would bring it: one version and one function more, `cancel` changed, and a raised revision.
  private func later(minimumProgramVersion: Int, revision: Int) -> SchemaScripts {
    var scripts = SchemaScripts.current
    let version = """
      ALTER TABLE task ADD COLUMN later int;
      INSERT INTO migration (version, name, minimum_program_version) VALUES (10, 'later', \(minimumProgramVersion));
      """
    scripts.versions.append(MigrationFile(version: 10, name: "later", bytes: Array(version.utf8)))
    scripts.functions = scripts.functions.map { file in
      guard file.name == "cancel" else { return file }
      return FunctionFile(name: "cancel", bytes: file.bytes + Array("\n-- later\n".utf8))
    }
    let function = "CREATE OR REPLACE FUNCTION _later() RETURNS int LANGUAGE sql AS 'SELECT 1'"
    scripts.functions.append(FunctionFile(name: "_later", bytes: Array(function.utf8)))
    scripts.revision = revision
    return scripts
  }

  private func checksum(of function: String, in database: TestDatabase) async throws -> String? {
    try await database.query("SELECT checksum FROM taskqueue.installed_function WHERE name = '\(function)'").rows.first?
      .optionalText(0)
  }

  @Test("A deploy is rolled back: the older program runs on the newer schema and leaves its functions alone")
  func rollback() async throws {
    try await withTestDatabase { database in
      let older = Migrator(configuration: database.postgresConfiguration)
      let revision = SchemaScripts.current.revision
      let newer = Migrator(
        configuration: database.postgresConfiguration,
        scripts: later(minimumProgramVersion: 2, revision: revision + 1)
      )
      let before = try await checksum(of: "cancel", in: database)
      #expect(try await newer.migrate() == [10])
      let after = try await checksum(of: "cancel", in: database)
      #expect(after != nil && after != before)
      #expect(try await newer.status().isUpToDate)

      #expect(try await older.migrate() == [])
      #expect(try await checksum(of: "cancel", in: database) == after)
      let status = try await older.status()
      #expect(status.isUpToDate)
      #expect(status.applied.map(\.version) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 10])
      #expect(status.functionRevision == revision + 1)
      let psql = try await Psql.install(database.connectionString, schema: "taskqueue")
      #expect((psql.status, psql.errors) == (0, ""))
      #expect(try await checksum(of: "cancel", in: database) == after)

      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      _ = try await store.add("x")
      #expect(try await store.settle(store.claimAll()[0].claim, .complete))
      await store.close()
    }
  }

  @Test("A newer schema that needs a newer program is refused with both versions and the cure, also by psql")
  func incompatible() async throws {
    try await withTestDatabase { database in
      let newer = later(minimumProgramVersion: 10, revision: 99)
      try await Migrator(configuration: database.postgresConfiguration, scripts: newer).migrate()
      let older = Migrator(configuration: database.postgresConfiguration)
      let error = await #expect(throws: MigrationError.self) { try await older.migrate() }
      #expect(error?.code == .schemaIsNewer)
      for part in ["\"taskqueue\"", "version 10", "up to 9", "Deploy a program with a newer release"] {
        #expect(error?.message.contains(part) == true, "\(part)")
      }
      #expect(try await older.status().applied.count == 10)
      let psql = try await Psql.install(database.connectionString, schema: "taskqueue")
      #expect(psql.status != 0)
      #expect(psql.errors.contains("newer than this file"))
    }
  }

  @Test("S73 On a schema without a journal nobody acts: what would leave no line is refused whole, and programs go on")
  func withoutJournal() async throws {
    try await withTestDatabase(migrated: false) { database in
      var scripts = SchemaScripts.current
      scripts.versions.removeAll { $0.version > 7 }
      // Those that a schema of version 7 cannot have: they read or write the journal, or what workers report since version 9.
      let newer: Set = [
        "_journal", "_actions_about", "_drop_actions", "_guard_actions", "_task_detail", "_note_worker_2",
      ]
      scripts.functions.removeAll { newer.contains($0.name) }
      try await Migrator(configuration: database.postgresConfiguration, scripts: scripts).migrate()
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      let client = TaskClient(store: store)
      let id = try await client.enqueue(Note(text: "x")).id
      let ann = client.operating(as: "ann", because: "on call")
      let calls: [@Sendable () async throws -> Void] = [
        { try await ann.pause("mail") }, { _ = try await ann.cancel(id) }, { _ = try await ann.retry(id) },
        { _ = try await ann.enqueue(NewTask(Note(text: "y"))) }, { _ = try await ann.redrive(.all) },
        { _ = try await ann.resolveEffect("charge", of: id, as: .didNotHappen) },
      ]
      for (index, call) in calls.enumerated() {
        let error = await #expect(throws: TaskQueueError.self, "\(index)") { try await call() }
        #expect(error?.code == .storeFailed && error?.message.contains("too old") == true, "\(index): \(error as Any)")
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.paused_queue") == 0)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task") == 1)
      // A program acts for nobody.
      try await client.pause("mail")
      #expect(try await client.cancel(id) == .cancelled)
      await store.close()
    }
  }

  @Test("Functions are applied again when their hash changed, and only those")
  func changedFunction() async throws {
    try await withTestDatabase { database in
      var scripts = SchemaScripts.current
      scripts.functions = scripts.functions.map { file in
        file.name == "cancel" ? FunctionFile(name: file.name, bytes: file.bytes + Array("--\n".utf8)) : file
      }
      let changed = Migrator(configuration: database.postgresConfiguration, scripts: scripts)
      #expect(try await changed.status().pendingFunctions == ["cancel"])
      try await database.query("CREATE TABLE seen AS SELECT oid, xmin::text AS x FROM pg_proc")
      #expect(try await changed.migrate() == [])
      let written = try await database.query(
        "SELECT p.proname::text FROM pg_proc AS p JOIN seen AS s ON s.oid = p.oid WHERE p.xmin::text <> s.x"
      )
      #expect(try written.rows.map { try $0.text(0) } == ["cancel"])
      #expect(try await changed.status().isUpToDate)
      // A program of the same revision puts its own back.
      let original = Migrator(configuration: database.postgresConfiguration)
      #expect(try await original.status().pendingFunctions == ["cancel"])
      #expect(try await original.migrate() == [])
      #expect(try await original.status().isUpToDate)
    }
  }

  private static let ownColumns = """
    version int PRIMARY KEY, name text NOT NULL, minimum_program_version int NOT NULL, checksum text,
    applied_at timestamptz NOT NULL DEFAULT now()
    """

  @Test(
    "Another tool's table called migration is refused by name, and not touched",
    arguments: [
      """
      CREATE TABLE public.migration (version int PRIMARY KEY, name text, checksum text, applied_at timestamptz DEFAULT now());
      INSERT INTO public.migration (version, name) VALUES (1, 'users'), (2, 'orders')
      """,
      """
      CREATE TABLE public.migration (version int PRIMARY KEY, name text, minimum_program_version int DEFAULT 1, checksum text,
        applied_at timestamptz DEFAULT now());
      INSERT INTO public.migration (version, name) VALUES (1, 'users')
      """,
      "CREATE VIEW public.migration AS SELECT 1 AS version",
      "CREATE TABLE public.migration (\(ownColumns))",
      "CREATE TABLE public.migration (\(ownColumns)); INSERT INTO public.migration VALUES (1, 'users', 1)",
      "CREATE TABLE public.migration (\(ownColumns)); INSERT INTO public.migration VALUES (1, 'task_queue', 1)",
      "CREATE TABLE public.migration (\(ownColumns)); INSERT INTO public.migration VALUES (9, 'task_queue', 1)",
      "CREATE VIEW public.migration AS SELECT 1 AS version, 'task_queue' AS name, 1 AS minimum_program_version, "
        + "'x' AS checksum, now() AS applied_at",
      """
      CREATE TABLE public.migration (version text PRIMARY KEY, name text, minimum_program_version text, checksum text, applied_at text);
      INSERT INTO public.migration VALUES ('1', 'task_queue', 'a', 'b', 'c')
      """,
      "CREATE TABLE public.migration (version int, name bytea, minimum_program_version int, checksum bytea, applied_at date)",
      "CREATE TABLE public.migration ()",
    ]
  )
  func foreignTable(script: String) async throws {
    try await withTestDatabase(migrated: false) { database in
      let connection = try await LibpqConnection.connect(database.postgresConfiguration)
      try await connection.executeScript(script)
      let migrator = Migrator(configuration: database.postgresConfiguration, schema: "public")
      for call in [{ _ = try await migrator.migrate() }, { _ = try await migrator.status() }]
        as [() async throws -> Void]
      {
        let error = await #expect(throws: MigrationError.self) { try await call() }
        #expect(error?.code == .foreignTable)
        #expect(error?.message.contains("\"public\".migration") == true)
        #expect(error?.message.contains("schema of its own") == true)
      }
      let psql = try await Psql.install(database.connectionString, schema: "public")
      #expect(psql.status != 0)
      #expect(psql.errors.contains("public.migration is not TaskQueue's"))
      let tables = try await connection.query(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'v')"
      )
      #expect(try tables[0].int8(0) == 1)
      await connection.close()
    }
  }
}
