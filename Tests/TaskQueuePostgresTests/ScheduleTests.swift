import EmbeddedPostgres
import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Schedules in PostgreSQL")
struct ScheduleTests {
  private final class Slots: Sendable {
    private let all = Mutex<[ScheduledSlot]>([])
    var values: [ScheduledSlot] { all.withLock { $0 } }
    func add(_ slot: ScheduledSlot?) { all.withLock { all in if let slot { all.append(slot) } } }
  }

  private func worker(
    _ store: PostgresTaskStore,
    _ schedules: TaskSchedules = .init(),
    _ slots: Slots = Slots()
  ) throws -> TaskWorker {
    var handlers = TaskHandlers()
    try handlers.register(Note.self) { _, context in
      slots.add(context.scheduledSlot)
      return .completed
    }
    return try TaskWorker(store: store, handlers: handlers, schedules: schedules, logger: .silent)
  }

  @Test("A worker makes and runs the tasks of what is declared; two workers make no more of them")
  func runs() async throws {
    try await withStore { store in
      let slots = Slots()
      var schedules = TaskSchedules()
      try schedules.add("often", .cron("* * * * * *"), Note(text: "x"))
      try schedules.add("never", .cron("0 0 29 2 *"), Note(text: "x"))
      try await run(try worker(store, schedules, slots)) {
        try await run(try worker(store, schedules, slots)) {
          try await eventually("five slots have run") { slots.values.count >= 5 }
        }
      }
      #expect(slots.values.allSatisfy { $0.schedule == "often" })
      #expect(Set(slots.values).count == slots.values.count)
      let schedule = try #require(try await TaskClient(store: store).schedules.get("often"))
      #expect(schedule.declared == schedule.definition && !schedule.isChanged)
      #expect(schedule.description().contains("every second (UTC), next in"))
    }
  }

  @Test("What SQL adds is planned at once, and a rule that cannot be read says so in the view")
  func fromSQL() async throws {
    try await withStore { store in
      let slots = Slots()
      try await run(try worker(store, .init(), slots)) {
        // The worker knows by now that there is none, and would look again in a minute.
        try await Task.sleep(for: .milliseconds(300))
        try await store.pool.query(
          """
          SELECT taskqueue.schedule_put('sql', '* * * * * *', 'note', '{"text": "x"}', time_zone => 'Asia/Tokyo', headers => '{"a": "b"}'),
            taskqueue.schedule_put('bad', '0 3 31 2 *', 'note'),
            taskqueue.schedule_put('zone', '0 3 * * *', 'note', time_zone => 'Europe/Bonn')
          """
        )
        try await eventually("it has run", within: .seconds(30)) { !slots.values.isEmpty }
        try await eventually("the others are found broken") {
          try await store.number("SELECT count(*) FROM taskqueue.schedule_status WHERE state = 'broken'") == 2
        }
        let problem = try await store.pool.query("SELECT problem FROM taskqueue.schedule_status WHERE name = 'zone'")
        #expect(try problem[0].text(0).contains("Europe/Bonn"))
        try await store.pool.query("SELECT taskqueue.schedule_put('bad', '0 3 * * *', 'note')")
        try await eventually("a rule that can be read is planned") {
          try await store.number("SELECT count(*) FROM taskqueue.schedule_status WHERE state = 'active'") == 2
        }
        #expect(try await store.pool.query("SELECT taskqueue.schedule_pause('sql')")[0].bool(0))
        #expect(try await store.number("SELECT taskqueue.schedule_run('sql')") > 0)
        #expect(try await store.pool.query("SELECT taskqueue.schedule_run('none')")[0].isNull(0))
        #expect(try await !store.pool.query("SELECT taskqueue.schedule_reset('sql')")[0].bool(0))
        #expect(try await store.pool.query("SELECT taskqueue.schedule_remove('sql')")[0].bool(0))
      }
      for call in [
        "'', '* * * * *', 'note'", "'a', '', 'note'", "'a', '* * * * *', ''",
        "'a', '* * * * *', 'note', overlap => 'x'",
      ] {
        let error = await #expect(throws: LibpqError.self) {
          try await store.pool.query("SELECT taskqueue.schedule_put(\(call))")
        }
        #expect(error?.sqlState == "22023", "\(call)")
      }
    }
  }

  @Test("A worker goes on making tasks when the server was restarted in the midst of it")
  func restart() async throws {
    let cluster = try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(cluster.connectionString)
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let slots = Slots()
    var schedules = TaskSchedules()
    try schedules.add("often", .cron("* * * * * *"), Note(text: "x"))
    try await run(try worker(store, schedules, slots)) {
      try await eventually("it runs") { slots.values.count >= 2 }
      try await cluster.restart(immediate: true)
      let before = slots.values.count
      try await eventually("it runs again") { slots.values.count >= before + 3 }
    }
    // A handler may run twice when its outcome was lost; no slot has two tasks.
    #expect(Set(slots.values).count >= slots.values.count - 1)
    await store.close()
    await cluster.stop()
  }

  @Test(
    "A task that a transaction has locked puts off its own schedule, and no other",
    arguments: [ScheduleOptions.Overlap.replace, .skip]
  )
  func locked(overlap: ScheduleOptions.Overlap) async throws {
    try await withStore { store in
      let rule = try ScheduleRule.cron("* * * * * *")
      let locked = try ScheduleDefinition(rule, Note(text: "x"), options: .with { $0.overlap = overlap })
      let client = TaskClient(store: store)
      try await client.schedules.set("locked", locked)
      _ = try await client.schedules.runNow("locked")
      let claimed = try #require(try await store.claimAll().first)
      let slots = Slots()
      try await client.withTransaction { transaction in
        try await client.complete(claimed.claim, in: transaction)
        try await store.elsewhere { store in
          try await TaskClient(store: store).schedules.set("other", rule, Note(text: "y"))
          try await run(try self.worker(store, .init(), slots)) {
            try await eventually("the other one runs", within: .seconds(30)) {
              slots.values.count { $0.schedule == "other" } >= 3
            }
          }
        }
      }
      #expect(slots.values.allSatisfy { $0.schedule == "other" })
      try await run(try worker(store, .init(), slots)) {
        try await eventually("it goes on") { slots.values.contains { $0.schedule == "locked" } }
      }
    }
  }

  @Test("What is due is found by the index, whatever the size of the table, and an idle worker hardly asks")
  func plans() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        INSERT INTO taskqueue.schedule (name, definition, payload, slot, next_at)
          SELECT 's' || i, '{"rule": "0 3 1 1 *", "type": "note"}', '{}', now() + interval '1 day', now() + interval '1 day'
          FROM generate_series(1, 50000) AS i;
        ANALYZE taskqueue.schedule;
        """
      )
      let look = try await store.fire([], look: 100, within: .seconds(60))
      #expect(look.due.isEmpty && look.hasAny)
      #expect(abs((look.nextDueIn ?? .zero) / .seconds(1) - 86_400) < 60)
      let buffers = try await store.pool.query(
        "EXPLAIN (ANALYZE, BUFFERS, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT * FROM taskqueue._due_schedules(100)"
      )
      let text = try buffers.rows.map { try $0.text(0) }.joined(separator: "\n")
      let hits = text.firstMatch(of: /shared hit=(\d+)/).flatMap { Int($0.1) } ?? 0
      // Most of it the catalogs, once per session; the table has thousands of pages.
      #expect(hits < 500, "\(text)")
    }
  }

  @Test("What a worker has planned for a schedule is not taken for another one of its name")
  func successor() async throws {
    try await withStore { store in
      var revisions: Set<Int> = []
      for rule in ["every 2 s", "0 3 1 1 *"] {
        _ = try await store.pool.query(LibpqStatement("SELECT taskqueue.schedule_put('n', '\(rule)', 'note')"))
        revisions.insert(try await store.number("SELECT revision FROM taskqueue.schedule"))
        try await store.pool.query("SELECT taskqueue.schedule_remove('n')")
      }
      #expect(revisions.count == 2)
    }
  }

  @Test("A payload that json takes and jsonb does not is declared again and changed as any other")
  func oddPayloads() async throws {
    try await withStore { store in
      func declare(_ payload: String) async throws -> Int {
        try await store.number(
          """
          SELECT taskqueue._put_schedules('{good,odd}', array_fill('{"rule": "@daily", "type": "note"}'::json, ARRAY[2]),
            ARRAY['{}', '\(payload)']::json[], true)
          """
        )
      }
      for payload in [#"{"a": "\u0000"}"#, #"{"a": "\ud800"}"#, #"{"a": 1e200000}"#] {
        #expect(try await declare(payload) >= 1)
        #expect(try await declare(payload) == 0)
      }
      try await store.pool.query(
        #"SELECT taskqueue.schedule_put('odd', '@daily', 'note', '{"a": "\u0000"}'), taskqueue.schedule_put('odd', '@hourly', 'note')"#
      )
      for arguments in [#"headers => '{"a": "\u0000"}'"#, "limit_key => 'x'"] {
        let error = await #expect(throws: LibpqError.self) {
          try await store.pool.query(
            LibpqStatement("SELECT taskqueue.schedule_put('odd', '@daily', 'note', \(arguments))")
          )
        }
        #expect(error?.sqlState == "22023" && error?.message.hasPrefix("TaskQueue: ") == true)
      }
    }
  }

  @Test("The roles: a worker does everything, an operator pauses, resumes and removes, and writes no payload")
  func roles() async throws {
    try await withStore { store in
      try await TaskClient(store: store).schedules.set("a", .cron("@daily"), Note(text: "x"))
      let role = "schedules_\(UInt32.random(in: 0...(.max)))"
      try await store.pool.executeScript("CREATE ROLE \(role); SELECT taskqueue.grant_operator('\(role)')")
      func tryAs(_ sql: String) async throws -> String? {
        do {
          try await store.pool.withTransaction { transaction in
            _ = try await transaction.query("SET LOCAL ROLE \(role)")
            _ = try await transaction.query(sql)
          }
        } catch let error as LibpqError {
          return error.sqlState
        }
        return nil
      }
      for sql in [
        "schedule_pause('a')", "schedule_resume('a')", "count(*) FROM taskqueue.schedule_status",
        "schedule_remove('b')",
      ] {
        let schema = sql.hasPrefix("count") ? "" : "taskqueue."
        #expect(try await tryAs("SELECT \(schema)\(sql)") == nil, "\(sql)")
      }
      for sql in ["schedule_put('a', '@daily', 'note')", "schedule_run('a')", "schedule_reset('a')"] {
        #expect(try await tryAs("SELECT taskqueue.\(sql)") == "42501", "\(sql)")
      }
      for change in ["SET payload = '1'", "SET slot = last_slot, next_at = '-infinity'"] {
        #expect(try await tryAs("UPDATE taskqueue.schedule \(change)") == "42501", "\(change)")
      }
      try await store.pool.executeScript("DROP OWNED BY \(role); DROP ROLE \(role)")
    }
  }
}
