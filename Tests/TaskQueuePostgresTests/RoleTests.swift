import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Roles")
struct RoleTests {
  /// Reading what others enqueued.
  static let reading = [
    "SELECT payload FROM taskqueue.task", "SELECT payload FROM taskqueue.live_task",
    "SELECT * FROM taskqueue.dead_task",
    "SELECT * FROM taskqueue.dead_letter", "SELECT id FROM taskqueue.task", "SELECT count(*) FROM taskqueue.task",
    "SELECT value FROM taskqueue.effect", "SELECT * FROM taskqueue.unsettled_effect", "SELECT * FROM taskqueue.overdue",
    "SELECT payload FROM taskqueue.inbox_event", "SELECT last_value FROM taskqueue.task_id_seq",
    "COPY taskqueue.task TO STDOUT",
  ]
  /// Claiming and settling.
  static let working = [
    "SELECT * FROM taskqueue._claim('{default}', '{note}', 10, 1000000, '1 min')",
    "SELECT * FROM taskqueue._promote(10)", "SELECT * FROM taskqueue._renew('{1}', '{1}', '1 min')",
    "SELECT taskqueue._settle_complete('{1}', '{1}')", "SELECT taskqueue.complete(1, 1)",
    "SELECT taskqueue._settle_rerun('{1}', '{1}', '{}')",
    "SELECT taskqueue._settle('{1}', '{1}', '{NULL}', '{false}', '{NULL}', '{NULL}', '{NULL}', true)",
    "SELECT taskqueue._bury('{1}', '{1}', NULL, '{x}', NULL)",
    "UPDATE taskqueue.task SET lease_token = 1, lease_until = 'infinity'", "UPDATE taskqueue.task SET attempt = 0",
    "SELECT id FROM taskqueue.task FOR UPDATE",
    "SELECT * FROM taskqueue._begin_effect(1, 1, 'charge', sha256(''), '1 min', NULL, NULL)",
    "SELECT * FROM taskqueue._end_effect(1, 1, 'charge', 1, 'succeeded', '1', NULL, NULL)",
    "UPDATE taskqueue.effect SET state = 'open'", "UPDATE taskqueue.effect_namespace SET id = gen_random_uuid()",
    "SELECT taskqueue.delete_duplicates(100, 'note', 'text', 'x')", "SELECT taskqueue._keep_history(1)",
  ]
  /// Writing payloads other than by the functions.
  static let writing = [
    "INSERT INTO taskqueue.task (type, payload) VALUES ('note', '{}')",
    "INSERT INTO taskqueue.task (id, type, payload) OVERRIDING SYSTEM VALUE VALUES (7, 'note', '{}')",
    "UPDATE taskqueue.task SET payload = '{}'", "UPDATE taskqueue.dead_task SET payload = '{}'",
    "DELETE FROM taskqueue.task", "SELECT nextval('taskqueue.task_id_seq')",
    "SELECT setval('taskqueue.task_id_seq', 1)",
    "INSERT INTO taskqueue.dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at, reason, payload) "
      + "VALUES (1, 'q', 'note', 1, 1, 1, 1, now(), now(), 'x', '{}')",
  ]
  /// What people do.
  static let operating = [
    "SELECT taskqueue.cancel(1)", "SELECT taskqueue.retry(1)", "SELECT taskqueue.run_now(1, 0)",
    "SELECT taskqueue.redrive()", "SELECT * FROM taskqueue._redrive(NULL, NULL, NULL, 10, true)",
    "SELECT taskqueue.purge(everything => true)", "SELECT taskqueue.resolve_effect(1, 'charge', 'failed')",
    "SELECT taskqueue._operate('cancel', '1')", "DELETE FROM taskqueue.dead_task",
  ]
  static let pausing = [
    "SELECT taskqueue.pause_queue('q')", "SELECT taskqueue.resume_queue('q')",
    "INSERT INTO taskqueue.paused_queue VALUES ('q')",
  ]
  static let enqueueing = [
    "SELECT taskqueue.enqueue('note', '{}')", "SELECT taskqueue.enqueue('note', '{}', unique_key => 'k')",
    """
    SELECT * FROM taskqueue._enqueue_many('{note}', ARRAY['{}'::json], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
      '{}', true)
    """,
    """
    SELECT * FROM taskqueue._enqueue_as_owner('{note}', ARRAY['{}'::json], '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}',
      '{}', true)
    """,
  ]
  /// The schema's owner alone.
  static let owning = [
    "SELECT taskqueue.grant_worker(current_user)", "SELECT taskqueue.grant_operator(current_user)",
    "SELECT taskqueue.grant_enqueuer(current_user)", "CREATE TABLE taskqueue.mine (x int)",
    "DROP TABLE taskqueue.task", "ALTER TABLE taskqueue.task DISABLE TRIGGER ALL",
    "CREATE OR REPLACE FUNCTION taskqueue.cancel(task_id bigint) RETURNS text LANGUAGE sql AS 'SELECT NULL'",
    "TRUNCATE taskqueue.task", "UPDATE taskqueue.migration SET version = 9", "DELETE FROM taskqueue.installed_function",
  ]

  /// Each statement must fail for want of a privilege.
  private func expectRefusals(_ statements: [String], _ configuration: LibpqConfiguration) async throws {
    let connection = try await LibpqConnection.connect(configuration)
    for statement in statements {
      let error = await #expect(throws: LibpqError.self, "\(statement)") {
        try await connection.executeScript(statement)
      }
      #expect(error?.sqlState == "42501", "\(statement): \(error.map { "\($0)" } ?? "")")
    }
    await connection.close()
  }

  /// A waiting task, a claimed one with an effect, and a dead letter of the owner.
  private func prepare(_ database: TestDatabase) async throws -> PostgresTaskStore {
    let store = try PostgresTaskStore(.init(database.postgresConfiguration))
    for text in ["waiting", "held", "dead"] { _ = try await store.add(text) { $0.unique = UniqueKey(text) } }
    let claimed = try await store.claimAll()
    for task in claimed where task.text != "held" {
      #expect(
        try await store.settle(task.claim, task.text == "dead" ? .bury(.failed, detail: nil, .sample) : .release)
      )
    }
    let held = try #require(claimed.first { $0.text == "held" }).claim
    let begun = try await store.pool.query(
      "SELECT decision FROM taskqueue._begin_effect($1, $2, 'charge', sha256(''), '1 us', NULL, NULL)",
      [.int8(held.id.rawValue), .int8(held.token)]
    )
    #expect(try begun[0].text(0) == "call")
    return store
  }

  @Test("An enqueuer enqueues by SQL and by the client, singly, in bulk and by keys, and can do nothing else")
  func enqueuer() async throws {
    try await withTestDatabase { database in
      let owner = try await prepare(database)
      try await database.withRole("enqueuer") { role in
        try await role("grant_enqueuer")
        try await role("grant_enqueuer")
        let store = try PostgresTaskStore(.init(role.configuration))
        try await SmallWorkload(store: store).enqueue()
        let client = TaskClient(store: store)
        let results = try await client.withTransaction { transaction in
          try await client.enqueue(all: (0..<700).map { Note(text: "in \($0)") }, in: transaction)
        }
        #expect(results.map(\.id) == results.map(\.id).sorted() && results.count == 700)
        let big = String(repeating: "x", count: 600_000)
        #expect(try await client.enqueue(all: [Note(text: big), Note(text: big), Note(text: big)]).count == 3)
        #expect(try await Migrator(configuration: role.configuration).migrate() == [])
        #expect(try await Migrator(configuration: role.configuration).status().isUpToDate)
        try await expectRefusals(
          Self.reading + Self.working + Self.writing + Self.operating + Self.pausing + Self.owning,
          role.configuration
        )
        let error = await #expect(throws: TaskQueueError.self) { try await client.cancel(results[0].id) }
        #expect(error?.code == .storeFailed && error?.message.contains("grant_operator") == true)
        await store.close()
      }
      // The owner's tasks are as they were, and all others there.
      #expect(try await owner.number("SELECT count(*) FROM taskqueue.task WHERE lease_token IS NOT NULL") == 1)
      #expect(try await owner.number("SELECT count(*) FROM taskqueue.task WHERE payload ->> 'text' LIKE 'in %'") == 700)
      await owner.close()
    }
  }

  @Test("A worker does all that workers, effects, inbox and alarms do, but cannot pause queues or change the schema")
  func worker() async throws {
    try await withTestDatabase { database in
      let owner = try await prepare(database)
      await owner.close()
      try await database.query("DELETE FROM taskqueue.task")
      try await database.withRole("worker") { role in
        try await role("grant_worker")
        try await role("grant_worker")
        let store = try PostgresTaskStore(.init(role.configuration))
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        try await store.setAlarmRules([AlarmRule("note", finalWithin: .seconds(60))])
        _ = try await store.alarms(after: nil, page: 10, limit: 10, unknownAfter: .zero)
        #expect(try await store.unhandled(queues: [.default], knownTypes: []).isEmpty)
        _ = try await store.dropExpiredKeys()
        #expect(try await store.pausedQueues().isEmpty)
        #expect(try await store.openWriters() != nil)
        try await expectRefusals(
          Self.pausing.filter { !$0.contains("resume") } + Self.owning
            + [
              "UPDATE taskqueue.effect_namespace SET id = gen_random_uuid()",
              "SELECT setval('taskqueue.task_id_seq', 1)",
            ],
          role.configuration
        )
        await store.close()
      }
    }
  }

  @Test("An operator redrives whatever form its role gives to instants and intervals")
  func operatorsForms() async throws {
    try await withTestDatabase { database in
      let owner = try await prepare(database)
      try await database.withRole("operator") { role in
        try await role("grant_operator")
        // A zone whose abbreviation nobody can read back.
        for setting in ["DateStyle = 'SQL, DMY'", "IntervalStyle = 'sql_standard'", "TimeZone = 'FOO-3'"] {
          try await database.query("ALTER ROLE \(role.name) SET \(setting)")
        }
        try await database.query("UPDATE taskqueue.dead_task SET died_at = died_at - interval '2 days'")
        let store = try PostgresTaskStore(.init(role.configuration))
        #expect(try await TaskClient(store: store).redrive(.init(olderThan: .seconds(90_000))).count == 1)
        await store.close()
      }
      await owner.close()
    }
  }

  @Test(
    "An operator looks, pauses, retries, redrives, purges, cancels, resolves, by SQL and by the client, and no more"
  )
  func operating() async throws {
    try await withTestDatabase { database in
      let owner = try await prepare(database)
      try await database.withRole("operator") { role in
        try await role("grant_operator")
        try await role("grant_operator")
        try await expectRefusals(
          Self.working + Self.writing + Self.enqueueing + Self.owning
            + ["UPDATE taskqueue.task SET cancel_requested = true", "UPDATE taskqueue.dead_task SET reason = 'x'"],
          role.configuration
        )
        let store = try PostgresTaskStore(.init(role.configuration))
        let client = TaskClient(store: store)
        #expect(try await client.tasks().count == 2)
        let dead = try #require(try await client.deadLetters(.all).first)
        #expect(try await client.redrive(.all) == [dead.id])
        #expect(try await client.cancel(dead.id) == .cancelled)
        #expect(try await client.cancel(TaskID(2)) == .requested)
        #expect(try await client.purge(.all) == 1)
        #expect(try await client.runNow(TaskID(1), expectedAttempt: 0))
        try await client.pause("q")
        #expect(try await client.pausedQueues() == ["q"])
        try await client.resume("q")
        try await owner.endLeases()
        #expect(try await client.resolveEffect("charge", of: TaskID(2), as: .failed(reason: "never sent")) == .resolved)
        for (call, answer) in [
          ("taskqueue.retry(1)", "due"), ("taskqueue.cancel(1)", "cancelled"), ("taskqueue.retry(1)", "redriven"),
          ("taskqueue.cancel(1)", "cancelled"), ("taskqueue.redrive(task_type => 'note')::text", "1"),
          ("taskqueue.cancel(1)", "cancelled"), ("taskqueue.purge(1)::text", "1"),
          ("taskqueue.run_now(1, 0)::text", "false"), ("taskqueue.cancel(1)", "finished"),
        ] {
          #expect(try await store.pool.query(LibpqStatement("SELECT \(call)"))[0].text(0) == answer, "\(call)")
        }
        for relation in ["live_task", "dead_letter", "overdue", "unsettled_effect", "task", "effect", "inbox_event"] {
          try await store.pool.executeScript("SELECT * FROM taskqueue.\(relation)")
        }
        await store.close()
      }
      await owner.close()
    }
  }

  @Test("A role without grants can do nothing at all, and only the owner grants")
  func stranger() async throws {
    try await withTestDatabase { database in
      try await database.withRole("stranger") { role in
        let all =
          Self.reading + Self.working + Self.writing + Self.operating + Self.pausing + Self.enqueueing + Self.owning
        try await expectRefusals(all, role.configuration)
        try await database.query("GRANT USAGE ON SCHEMA taskqueue TO \(role.name)")
        try await expectRefusals(all.filter { !$0.contains("resume_queue") }, role.configuration)
      }
    }
  }

  @Test("The templates know odd names, of schemas and roles, and roles that do not exist are an error")
  func oddNames() async throws {
    try await withTestDatabase(migrated: false) { database in
      let schema = MigratorTests.oddSchema
      try await Migrator(configuration: database.postgresConfiguration, schema: schema).migrate()
      let role = "Odd \"role\" of \(database.name.suffix(8))"
      let quoted = try LibpqIdentifier.quotedIdentifier(role)
      try await database.query("CREATE ROLE \(quoted)")
      for function in ["grant_enqueuer", "grant_operator", "grant_worker"] {
        try await database.query("SELECT \(try LibpqIdentifier.quotedIdentifier(schema)).\(function)('\(role)')")
        let error = await #expect(throws: LibpqError.self) {
          try await database.query("SELECT \(try LibpqIdentifier.quotedIdentifier(schema)).\(function)('nobody')")
        }
        #expect(error?.sqlState == "42704")
      }
      try await database.query("DROP OWNED BY \(quoted)")
      try await database.query("DROP ROLE \(quoted)")
    }
  }

  @Test("The grants survive an upgrade of the functions, and an owner who is no superuser gives them")
  func ordinaryOwner() async throws {
    try await withTestDatabase(migrated: false) { database in
      try await database.withRole("owner") { owner in
        try await database.query("GRANT CREATE ON DATABASE \(database.name) TO \(owner.name)")
        #expect(try await Migrator(configuration: owner.configuration).migrate() == [1, 2, 3, 4, 5, 6, 7, 8, 9])
        try await database.withRole("enqueuer") { role in
          let connection = try await LibpqConnection.connect(owner.configuration)
          try await connection.executeScript("SELECT taskqueue.grant_enqueuer('\(role.name)')")
          try await connection.query("UPDATE taskqueue.installed_function SET checksum = 'other'")
          #expect(try await Migrator(configuration: owner.configuration).migrate() == [])
          await connection.close()
          let store = try PostgresTaskStore(.init(role.configuration))
          try await SmallWorkload(store: store).enqueue()
          try await expectRefusals(Self.reading + Self.working + Self.operating, role.configuration)
          await store.close()
        }
        let store = try PostgresTaskStore(.init(owner.configuration))
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        await store.close()
      }
    }
  }

  @Test("The templates are enough where nobody may execute functions or use types by default")
  func hardenedDefaults() async throws {
    try await withTestDatabase(migrated: false) { database in
      try await database.query("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC")
      try await database.query("ALTER DEFAULT PRIVILEGES REVOKE USAGE ON TYPES FROM PUBLIC")
      try await Migrator(configuration: database.postgresConfiguration).migrate()
      try await database.withRole("enqueuer") { role in
        try await role("grant_enqueuer")
        let store = try PostgresTaskStore(.init(role.configuration))
        try await SmallWorkload(store: store).enqueue()
        await store.close()
      }
      try await database.withRole("worker") { role in
        let store = try PostgresTaskStore(.init(role.configuration))
        let error = await #expect(throws: TaskQueueError.self) { try await store.checkEnvironment() }
        #expect(error?.message.contains("GRANT EXECUTE ON FUNCTION \"taskqueue\"._claim") == true)
        try await role("grant_worker")
        try await store.checkEnvironment()
        try await SmallWorkload(store: store).run()
        await store.close()
      }
      try await database.withRole("operator") { role in
        let owner = try PostgresTaskStore(.init(database.postgresConfiguration))
        let id = try await owner.add("x").id
        try await role("grant_operator")
        let client = TaskClient(store: try PostgresTaskStore(.init(role.configuration)))
        #expect(try await client.cancel(id) == .cancelled)
        #expect(try await client.redrive(.all) == [id])
        #expect(try await client.runNow(id, expectedAttempt: 0))
        try await client.pause("q")
        try await client.resume("q")
        #expect(try await client.cancel(id) == .cancelled)
        #expect(try await client.purge(.all) == 1)
        #expect(try await client.explain(id).cause == .gone)
        let unknown = await #expect(throws: TaskQueueError.self) { try await client.schedules.pause("none") }
        #expect(unknown?.code != .storeFailed)
        await owner.close()
      }
      try await database.query("ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC")
      try await database.query("ALTER DEFAULT PRIVILEGES GRANT USAGE ON TYPES TO PUBLIC")
    }
  }
}
