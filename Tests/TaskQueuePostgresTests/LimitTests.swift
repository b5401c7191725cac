import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Limits in PostgreSQL")
struct LimitTests {
  private func limited(_ store: PostgresTaskStore, _ text: String) async throws -> TaskID {
    try await store.add(text) { $0.limit = TaskLimit("bank", key: "a") }.id
  }

  /// What holds if a task commits while the one before it is being completed: neither sees the other.
  @Test("S46 A task that commits while a slot is left by an open transaction is found by the next look")
  func lateCommit() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank")])
      _ = try await limited(store, "first")
      let first = try #require(try await store.claimAll().first)
      var second: TaskID?
      try await store.withTransaction { transaction in
        try await store.settle(Settlement(first.claim, .complete), in: transaction)
        second = try await store.elsewhere { store in
          let id = try await limited(store, "second")
          // The first look finds the slot taken.
          #expect(try await store.claimAll().isEmpty)
          return id
        }
      }
      try await eventually("the next look finds it", within: .seconds(60)) {
        try await store.claimAll().map(\.claim.id) == [second]
      }
    }
  }

  @Test("S46 Two sessions that each put a due task in line do not find the same slot")
  func ownLines() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank")])
      for text in ["first", "second"] {
        _ = try await store.add(text) {
          $0.limit = TaskLimit("bank", key: "a")
          $0.schedule = .after(.milliseconds(1))
        }
      }
      try await Task.sleep(for: .milliseconds(20))
      try await store.withTransaction { transaction in
        // Its row of limit_look is seen by nobody else.
        _ = try await transaction.query("SELECT taskqueue._promote(1)")
        _ = try await store.elsewhere { store in try await store.claimAll() }
        _ = try await transaction.query(
          "SELECT count(*) FROM taskqueue._claim('{default}', ARRAY[$1], 10, 1000000, '1 minute')",
          [.text(Note.taskType.rawValue)]
        )
      }
      try await eventually("one of them is admitted") {
        _ = try await store.claimAll()
        return try await store.number("SELECT count(*) FROM taskqueue.task WHERE slot = 1") == 1
      }
    }
  }

  @Test("S46 A slot that is left while another session puts off the next look is given at once")
  func lookPutOff() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", concurrency: 1, rate: LimitRate(1_000))])
      for text in ["first", "second"] { _ = try await limited(store, text) }
      let first = try #require(try await store.claimAll().first)
      #expect(try await store.claimAll().isEmpty)
      // As after some minutes.
      try await store.pool.query(
        "UPDATE taskqueue.limit_look SET looks = 6, look_at = clock_timestamp() - interval '1 ms'"
      )
      try await store.withTransaction { transaction in
        _ = try await transaction.query("SELECT taskqueue._promote(1000)")
        let isSettled = try await store.elsewhere { store in try await store.settle(first.claim, .complete) }
        #expect(isSettled)
      }
      try await eventually("the second one starts", within: .seconds(20)) { try await !store.claimAll().isEmpty }
    }
  }

  @Test("S47 A line behind a dead letter that holds it is not looked at until that one has gone")
  func heldLine() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", order: .ordered(afterDeadLetter: .hold))])
      for text in ["first", "second"] { _ = try await limited(store, text) }
      let first = try #require(try await store.claimAll().first)
      #expect(try await store.settle(first.claim, .bury(.discarded, detail: nil, nil)))
      for _ in 1...3 { #expect(try await store.claimAll().isEmpty) }
      try await eventually("the last look is over", within: .seconds(30)) {
        _ = try await store.claimAll()
        return try await store.number("SELECT count(*) FROM taskqueue.limit_look") == 0
      }
      _ = try await store.redrive(.init())
      try await eventually("it goes on") { try await !store.claimAll().isEmpty }
    }
  }

  @Test("S46 Another way round: a slot is left while the next task is not committed")
  func lateEnqueue() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank")])
      _ = try await limited(store, "first")
      let first = try #require(try await store.claimAll().first)
      try await store.withTransaction { transaction in
        _ = try await store.enqueue(
          [NewTask(Note(text: "second"), options: .with { $0.limit = TaskLimit("bank", key: "a") })],
          in: transaction
        )
        try await store.elsewhere { store in
          let isSettled = try await store.settle(first.claim, .complete)
          let next = try await store.claimAll()
          #expect(isSettled && next.isEmpty)
        }
      }
      try await eventually("it is found", within: .seconds(60)) { try await store.claimAll().map(\.text) == ["second"] }
    }
  }

  @Test(
    "S46 What a transaction leaves is given after its commit, by what holds then",
    arguments: [
      "SELECT taskqueue.pause_limit('bank')", "SELECT taskqueue.set_limit('bank', 1)",
      "SELECT taskqueue.pause_limit_for('bank', '1 hour', 'a')",
    ]
  )
  func tightenedMeanwhile(_ change: String) async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank", concurrency: 2)])
      for text in ["first", "second", "third", "fourth"] { _ = try await limited(store, text) }
      let running = try await store.claimAll()
      #expect(running.map(\.text) == ["first", "second"])
      try await store.withTransaction { transaction in
        try await store.settle(Settlement(running[0].claim, .complete), in: transaction)
        try await store.elsewhere { store in _ = try await store.pool.query(LibpqStatement(change)) }
      }
      for _ in 0..<10 {
        #expect(try await store.claimAll().isEmpty)
        try await Task.sleep(for: .milliseconds(50))
      }
      try await store.pool.executeScript(
        "SELECT taskqueue.reset_limit('bank'); UPDATE taskqueue.limit_pace SET paused_until = NULL"
      )
      try await eventually("the next one starts", within: .seconds(20)) {
        try await store.claimAll().map(\.text) == ["third"]
      }
    }
  }

  @Test(
    "S46 A slot that a cancellation in an open transaction leaves goes to nobody before its commit, and then at once"
  )
  func cancelledInTransaction() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank")])
      let first = try await limited(store, "first")
      let claimed = try #require(try await store.claimAll().first)
      #expect(try await store.settle(claimed.claim, .release))
      _ = try await limited(store, "second")
      try await store.withTransaction { transaction in
        let answer = try await transaction.query("SELECT taskqueue.cancel($1)", [.int8(first.rawValue)])
        #expect(try answer[0].text(0) == "cancelled")
        #expect(try await transaction.query("SELECT slot FROM taskqueue.task")[0].int4(0) == 0)
      }
      #expect(try await store.claimAll().map(\.text) == ["second"])
    }
  }

  @Test("S46 An enqueue in an open transaction holds nobody up, and a rollback leaves nothing")
  func openTransaction() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank")])
      struct RolledBack: Error {}
      await #expect(throws: RolledBack.self) {
        try await store.withTransaction { transaction in
          _ = try await store.enqueue(
            [NewTask(Note(text: "never"), options: .with { $0.limit = TaskLimit("bank", key: "a") })],
            in: transaction
          )
          try await store.elsewhere { store in
            let id = try await limited(store, "other")
            let task = try #require(try await store.claimAll().first)
            #expect(task.claim.id == id)
            #expect(try await store.settle(task.claim, .complete))
          }
          throw RolledBack()
        }
      }
      _ = try await store.claimAll()
      #expect(try await store.number("SELECT count(*) FROM taskqueue.limit_look") == 0)
    }
  }

  @Test("S46 From plain SQL: declared, enqueued, seen; and no statement gives one slot twice")
  func sql() async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        SELECT taskqueue.declare_limit('bank', 2);
        SELECT taskqueue.enqueue('note', '{"text": "sql"}', limit_name => 'bank', limit_key => 'a/b') FROM generate_series(1, 3);
        """
      )
      #expect(try await store.claimAll().count == 2)
      let rows = try await store.pool.query(
        "SELECT state, limit_name, limit_key, slot FROM taskqueue.live_task ORDER BY id"
      )
      #expect(try rows.rows.map { try $0.text(0) } == ["running", "running", "limited"])
      #expect(try rows.rows.map { try $0.text(1) } == ["bank", "bank", "bank"])
      #expect(try rows.rows.map { try $0.text(2) } == ["a/b", "a/b", "a/b"])
      #expect(try rows.rows.map { try $0.optionalInt4(3) } == [1, 2, nil])
      #expect(try await store.tasks(after: nil, limit: 1).first?.limit == TaskLimit("bank", key: "a/b"))
      for (statement, state) in [
        ("UPDATE taskqueue.task SET slot = 1", "23505"),
        ("UPDATE taskqueue.task SET ready = true WHERE slot = 0", "23514"),
        ("INSERT INTO taskqueue.task (type, payload, limit_key) VALUES ('note', '{}', 'bank/a')", "23514"),
        ("SELECT taskqueue.enqueue('note', '{}', limit_name => 'none')", "TQ002"),
        ("SELECT taskqueue.enqueue('note', '{}', limit_name => 'a/b')", "22023"),
        ("SELECT taskqueue.set_limit('bank', 0)", "22023"), ("SELECT taskqueue.declare_limit('x', 2, true)", "22023"),
      ] {
        let error = await #expect(throws: LibpqError.self, "\(statement)") {
          try await store.pool.query(LibpqStatement(statement))
        }
        #expect(error?.sqlState == state, "\(statement)")
      }
      #expect(try await store.pool.query("SELECT taskqueue.pause_limit('bank'), taskqueue.pause_limit('x')")[0].bool(0))
      #expect(try await store.pool.query("SELECT concurrency FROM taskqueue.limits")[0].int4(0) == 0)
    }
  }

  @Test("S46 In one statement of another driver, and in bulks of every size")
  func waysToEnqueue() async throws {
    try await withStore { store in
      try await store.declare([LimitRule("bank")])
      let options = EnqueueOptions.with { $0.limit = TaskLimit("bank", key: "a") }
      let statement = try NewTask(Note(text: "driver"), options: options).enqueueStatement()
      _ = try await store.pool.query(
        LibpqStatement(statement.text, statement.parameters.map { $0.map { .text($0) } ?? .null })
      )
      for count in [2, 700] {
        try await TaskClient(store: store).enqueue(all: (0..<count).map { Note(text: "\($0)") }, options: options)
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task WHERE slot = 0 AND NOT ready") == 703)
      #expect(try await store.claimAll(1_000).count == 1)
    }
  }

  @Test("S46 A worker declares its limits when it starts, and keeps to them")
  func worker() async throws {
    try await withStore { store in
      var configuration = TaskWorkerConfiguration()
      configuration.limits = [LimitRule("bank", concurrency: 2)]
      configuration.concurrency = 10
      let running = Running()
      var handlers = TaskHandlers()
      try handlers.register(Note.self) { _, _ in
        await running.enter()
        try await Task.sleep(for: .milliseconds(2))
        await running.leave()
        return .completed
      }
      let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: .silent)
      try await run(worker) {
        try await eventually("the limit is declared", within: .seconds(60)) { try await !store.limits().isEmpty }
        for number in 0..<60 { _ = try await limited(store, "\(number)") }
        try await eventually("all are done", within: .seconds(60)) {
          try await store.number("SELECT count(*) FROM taskqueue.task") == 0
        }
      }
      #expect(await running.most == 2)
    }
  }
}

private actor Running {
  private var count = 0
  private(set) var most = 0
  func enter() {
    count += 1
    most = max(most, count)
  }
  func leave() { count -= 1 }
}
