import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueuePostgres

@Suite("Explanations and workers")
struct ExplainTests {
  @Test("Its workers and explanations keep the contract", arguments: WorkerConformance.all)
  func conforms(to check: WorkerConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  @Test("Every look is by an index, with and without rows")
  func plans() async throws {
    for rows in [1, 30_000] {
      try await withTestDatabase { database in
        // auto_explain writes to the client as notices; psql prints those to standard error.
        let output = try await Psql.run(
          database.connectionString,
          [
            "-c", "SELECT taskqueue.declare_limit('bank', 1)",
            "-c", "INSERT INTO taskqueue.task (type, payload) SELECT 'note', '{}' FROM generate_series(1, \(rows))",
            "-c", "SELECT taskqueue._note_worker(gen_random_uuid(), 'a', '{default}', '{note}', 1)",
            "-c",
            """
            SELECT taskqueue.enqueue('note', '{}', limit_name => 'bank', limit_key => (g % 3)::text)
            FROM generate_series(1, \(rows / 10 + 1)) AS g
            """,
            "-c",
            """
            INSERT INTO taskqueue.dead_task (id, queue, type, priority, attempt, failures, crashes, created_at, died_at, reason, payload)
            SELECT -g, 'default', 'note', 1, 1, 1, 1, now(), now(), 'failed', '{}' FROM generate_series(1, \(rows)) AS g
            """,
            "-c", "ANALYZE taskqueue.task", "-c", "ANALYZE taskqueue.dead_task",
            "-c", "LOAD 'auto_explain'",
            "-c",
            """
            SET auto_explain.log_min_duration = 0; SET auto_explain.log_nested_statements = on; SET auto_explain.log_analyze = on;
            SET auto_explain.log_level = notice; SET client_min_messages = notice
            """,
            "-c",
            "SELECT taskqueue.explain(id) FROM unnest('{\(rows),\(rows + 1),-1,0}'::bigint[]) AS id",
          ]
        )
        #expect(output.status == 0, "\(output.errors)")
        for bad in [
          "Seq Scan on task ", "Seq Scan on dead_task", "Bitmap", "Hash Join", "Merge Join", "Sort Key: x", "JIT",
        ] {
          #expect(!output.errors.contains(bad), "\(bad) in \(output.errors)")
        }
        let indexes = ["task_claim", "task_line", "task_slot", "task_pkey", "dead_task_holds"]
        for index in indexes + (rows > 1 ? ["dead_task_pkey"] : []) {
          #expect(output.errors.contains(index), "no \(index) in \(output.errors)")
        }
        // What was read, as "rows=": bounded whatever is there.
        let most = output.errors.matches(of: /actual time=[\d.]+ rows=([\d.]+)/).compactMap { Double($0.1) }.max() ?? 0
        #expect(most <= 10_000 && most > 0)
      }
    }
  }

  @Test("Workers and operators may ask, enqueuers may not")
  func roles() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      let id = try await store.add("x").id
      for (grant, mayAsk) in [("worker", true), ("operator", true), ("enqueuer", false)] {
        try await database.withRole(grant) { role in
          try await role("grant_\(grant)")
          let client = TaskClient(store: try PostgresTaskStore(.init(role.configuration)))
          if mayAsk {
            for asked in [id, TaskID(1_000)] { _ = try await client.explain(asked) }
            #expect(try await client.workers().isEmpty)
          } else {
            let error = await #expect(throws: TaskQueueError.self) { try await client.explain(id) }
            #expect((error?.underlying as? LibpqError)?.sqlState == "42501")
          }
          await client.store.close()
        }
      }
      await store.close()
    }
  }

  @Test("A worker is known from its start to its end, and its report is a HOT update")
  func worker() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in .completed }
      var configuration = TaskWorkerConfiguration()
      configuration.name = "here"
      configuration.concurrency = 3
      let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: .silent)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await eventually("the worker is listed") { try await !client.workers().isEmpty }
        let known = try await client.workers()[0]
        #expect(
          known.name == "here" && known.queues == [.default] && known.types == [Note.taskType] && known.slots == 3
        )
        let report = WorkerReport(
          id: known.id,
          name: "here",
          queues: known.queues,
          types: known.types,
          slots: known.slots
        )
        for _ in 1...20 { try await store.note(report, within: .seconds(60)) }
        worker.shutDown()
        try await group.waitForAll()
      }
      #expect(try await client.workers().isEmpty)
      try await eventually("the statistics arrive") {
        try await store.number("SELECT n_tup_del FROM pg_stat_user_tables WHERE relname = 'worker'") == 1
      }
      #expect(
        try await store.number("SELECT n_tup_upd - n_tup_hot_upd FROM pg_stat_user_tables WHERE relname = 'worker'")
          == 0
      )
    }
  }

  @Test("S76 A worker that names no attempt writes no more for it, and a list that stays is not written again")
  func reports() async throws {
    try await withStore { store in
      func log(_ body: () async throws -> Void) async throws -> Int {
        let start = try await store.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint")
        for _ in 1...50 { try await body() }
        return try await store.number("SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint") - start
      }
      let id = UUID()
      let bare = WorkerReport(id: id, name: "a", queues: [.default], types: [Note.taskType], slots: 1, version: "1.4.0")
      var full = bare
      full.inFlight = 20
      full.held = (1...20).map { number in
        HeldAttempt(
          task: TaskID(Int64(number)),
          type: TaskType(String(repeating: "t", count: 128)),
          attempt: 1,
          since: Date(timeIntervalSince1970: 1e9)
        )
      }
      try await store.note(bare, within: .seconds(60))
      let older = try await log {
        try await store.pool.query("SELECT taskqueue._note_worker('\(id)', 'a', '{default}', '{note}', 1)")
      }
      let empty = try await log { try await store.note(bare, within: .seconds(60)) }
      try await store.note(full, within: .seconds(60))
      let unchanged = try await log { try await store.note(full, within: .seconds(60)) }
      // A page that is written for the first time after a checkpoint goes into the log as a whole.
      let slack = 2 * 8_192
      #expect(empty <= older + slack, "\(empty) bytes, \(older) without")
      #expect(unchanged <= older + slack, "\(unchanged) bytes, \(older) without")
    }
  }

  @Test("S76 Who runs a task is told by a view and by its explanation, which no report by hand breaks")
  func holders() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let id = try await store.add("x").id
      let task = try await store.claimAll()[0]
      let held = HeldAttempt(task: id, type: Note.taskType, attempt: 1, since: task.claimedAt)
      let report = WorkerReport(
        id: UUID(),
        name: "a",
        queues: [.default],
        types: [Note.taskType],
        slots: 1,
        inFlight: 1,
        held: [held]
      )
      try await store.note(report, within: .seconds(60))
      let row = try await store.pool.query(
        "SELECT task_id, type, attempt, worker_name, worker_id FROM taskqueue.held_task"
      )[0]
      #expect(try row.int8(0) == id.rawValue && row.text(1) == Note.taskType.rawValue && row.int4(2) == 1)
      #expect(try row.text(3) == "a" && row.uuid(4) == report.id)
      let detail = try #require(try await client.detail(of: id))
      #expect(detail.holder?.worker == "a" && detail.workers.first?.inFlight == 1)
      #expect(detail.explanation.description.contains("it is a, since"))
      _ = try await store.pool.query(#"UPDATE taskqueue.worker SET held = '[1, "x", null, {"task": "y"}]'"#)
      #expect(try await client.detail(of: id)?.holder == nil)
      let wrongs = [
        #""since": "yesterday", "attempt": 1"#, #""since": 1e300, "attempt": 1"#, #""since": 1, "attempt": "1""#,
        #""since": 1, "attempt": 99999999999"#, #""attempt": 1"#,
      ]
      for wrong in wrongs {
        let item = #"{"task": \#(id.rawValue), "type": "note", \#(wrong)}"#
        _ = try await store.pool.query("UPDATE taskqueue.worker SET held = '[\(item)]'")
        #expect(try await store.number("SELECT count(*) FROM taskqueue.held_task") == 0, "\(wrong)")
        #expect(try await client.detail(of: id)?.holder == nil, "\(wrong)")
      }
      let error = await #expect(throws: LibpqError.self) {
        try await store.pool.query("UPDATE taskqueue.worker SET held = '7'")
      }
      #expect(error?.constraint == "worker_held")
      #expect(try await client.workers().map(\.held) == [[]])
    }
  }
}
