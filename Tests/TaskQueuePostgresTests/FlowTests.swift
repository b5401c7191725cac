import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Flows in PostgreSQL")
struct PostgresFlowTests {
  @Test("The PostgreSQL store keeps the contract of flows", arguments: FlowConformance.all)
  func conforms(to check: FlowConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  private final class Log: Sendable {
    private let all = Mutex<[String]>([])
    var entries: [String] { all.withLock { $0 } }
    func add(_ entry: String) { all.withLock { $0.append(entry) } }
  }

  private func worker(
    _ store: PostgresTaskStore,
    concurrency: Int = 4,
    _ handle: @escaping @Sendable (Note, TaskContext) async throws -> TaskOutcome
  ) throws -> TaskWorker {
    var handlers = TaskHandlers()
    try handlers.register(Note.self, options: .init(retry: .fixed(.milliseconds(50)), maxAttempts: 3), handle)
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = concurrency
    return try TaskWorker(store: store, handlers: handlers, configuration: configuration, logger: .silent)
  }

  @Test("Flows go through steps, a sleep, an event from SQL and a transaction; waiting ones hold no slot")
  func wholeFlow() async throws {
    try await withStore { store in
      let log = Log()
      try await store.pool.executeScript("CREATE TABLE hold (id text PRIMARY KEY)")
      let client = TaskClient(store: store)
      let worker = try worker(store, concurrency: 1) { note, context in
        try await context.step("begin") { log.add("begin \(note.text)") }
        try await context.sleep("nap", for: .milliseconds(100))
        try await context.transaction("hold", on: client) { transaction in
          try await transaction.query("INSERT INTO hold VALUES ($1)", [.text(note.text)])
          return true
        }
        let amount = try await context.event("paid/\(note.text)", as: Int.self)
        log.add("paid \(note.text) \(amount)")
        return .completed
      }
      try await run(worker) {
        for text in ["1", "2", "3"] { try await client.enqueue(Note(text: text)) }
        try await eventually("all wait for their events, with one slot") {
          try await store.number("SELECT count(*) FROM taskqueue.event_wait") == 3
        }
        #expect(try await store.number("SELECT count(*) FROM hold") == 3)
        #expect(try await store.number("SELECT count(*) FROM taskqueue.task WHERE lease_token IS NOT NULL") == 0)
        try await store.pool.query(
          "SELECT taskqueue.emit('paid/' || n, to_json(n * 100)) FROM generate_series(1, 3) AS n"
        )
        try await eventually("all have ended") { try await store.number("SELECT count(*) FROM taskqueue.task") == 0 }
      }
      #expect(Set(log.entries) == ["begin 1", "begin 2", "begin 3", "paid 1 100", "paid 2 200", "paid 3 300"])
      #expect(log.entries.count == 6)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.step") == 0)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.event_wait") == 0)
    }
  }

  @Test(
    "An event and a suspension whose transactions do not see each other meet all the same",
    arguments: [true, false]
  )
  func race(emitsFirst: Bool) async throws {
    try await withStore { store in
      _ = try await store.add("x")
      let task = try await store.claimAll()[0]
      #expect(try await store.look(for: "k", as: "~event/k", place: 1, isOver: false, by: task.claim) == .wait)
      let wait = FlowWait("~event/k", place: 1, end: .never, event: "k")
      // Both are open at once; then one commits, and the other.
      try await store.pool.withTransaction { first in
        try await store.elsewhere { store in
          try await store.pool.withTransaction { second in
            let (emitting, suspending) = emitsFirst ? (first, second) : (second, first)
            #expect(try await store.emit(FlowEvent("k", json: Data("1".utf8), retention: .seconds(60)), in: emitting))
            try await store.settle(Settlement(task.claim, .suspend([wait])), in: suspending)
          }
        }
        // A look between the two commits finds nothing.
        let claimed = try await store.elsewhere { try await $0.claimAll() }
        #expect(claimed.isEmpty)
      }
      var resumed: [ClaimedTask] = []
      for _ in 1...100 where resumed.isEmpty {
        resumed = try await store.claimAll()
        try await Task.sleep(for: .milliseconds(10))
      }
      #expect(resumed.first?.steps == [FlowStep("~event/k", .event, place: 1, value: Data("1".utf8))])
      #expect(try await store.number("SELECT count(*) FROM taskqueue.event_wait") == 0)
    }
  }

  @Test("Of an event and the end of its wait at the same time one is decided, for good", arguments: 1...8)
  func decidedOnce(round: Int) async throws {
    try await withStore { store in
      _ = try await store.add("x")
      let task = try await store.claimAll()[0]
      let wait = FlowWait("~event/k", place: 1, end: .after(.milliseconds(1)), event: "k")
      #expect(try await store.settle(task.claim, .suspend([wait])))
      try await Task.sleep(for: .milliseconds(60))
      let resumed = try await store.claimAll()[0]
      async let emitted = store.emit(FlowEvent("k", json: Data("1".utf8), retention: .seconds(60)))
      async let promoted = store.claimAll()
      let first = try await store.look(for: "k", as: "~event/k", place: 1, isOver: false, by: resumed.claim)
      _ = try await (emitted, promoted)
      _ = try await store.claimAll()
      #expect(first != .wait)
      for _ in 1...3 {
        #expect(try await store.look(for: "k", as: "~event/k", place: 1, isOver: false, by: resumed.claim) == first)
      }
    }
  }

  @Test("A step waits for a row that another session has locked, and does not keep other flows from recording")
  func lockedRow() async throws {
    try await withStore { store in
      for text in ["a", "b"] { _ = try await store.add(text) }
      let tasks = try await store.claimAll()
      let log = Log()
      let waiting = try await store.pool.withTransaction { transaction in
        #expect(try await store.hold(tasks[0].claim, in: transaction))
        let waiting = Task.detached {
          let recorded = try await store.record(FlowStep("s", .step, place: 1), by: tasks[0].claim, repeats: false)
          log.add("a")
          return recorded
        }
        let other = try await store.elsewhere { store in
          try await store.record(FlowStep("s", .step, place: 1), by: tasks[1].claim, repeats: false)
        }
        #expect(other)
        log.add("b")
        return waiting
      }
      #expect(try await waiting.value)
      #expect(log.entries == ["b", "a"])
    }
  }

  @Test("A plain task has no steps, writes none, and its row has no mark")
  func plain() async throws {
    try await withStore { store in
      _ = try await store.add("x")
      let task = try await store.claimAll()[0]
      #expect(task.steps.isEmpty)
      #expect(try await store.settle(task.claim, .reschedule(after: .zero, returnsAttempt: false)))
      #expect(try await store.number("SELECT count(*) FROM taskqueue.task WHERE has_steps IS NULL") == 1)
    }
  }

  @Test("The first step and what it forgives are HOT updates, and steps are found by index", arguments: [0, 20_000])
  func plans(rows: Int) async throws {
    try await withStore { store in
      try await store.pool.executeScript(
        """
        INSERT INTO taskqueue.step (task_id, name, kind, place) SELECT n, 's', 'step', 1 FROM generate_series(1000, 1000 + \(rows)) AS n;
        ANALYZE taskqueue.step;
        """
      )
      _ = try await store.add("x")
      let task = try await store.claimAll()[0]
      #expect(try await store.record(FlowStep("s", .step, place: 1), by: task.claim, repeats: false))
      #expect(try await store.settle(task.claim, .suspend([FlowWait("nap", place: 2, end: .after(.zero))])))
      _ = try await store.claimAll()
      try await store.pool.query("SELECT pg_stat_force_next_flush()")
      #expect(
        try await store.number("SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'step'") <= 1
      )
    }
  }

  @Test("A claim takes no further flow once the journals that it brings are as large as a claim may be")
  func largeJournals() async throws {
    try await withStore { store in
      _ = try await store.enqueue(try (0..<3).map { try NewTask(Note(text: "\($0)")) })
      try await store.pool.executeScript(
        """
        UPDATE taskqueue.task SET has_steps = true;
        INSERT INTO taskqueue.step (task_id, name, kind, place, value)
        SELECT id, 's' || n, 'step', n, to_json(repeat('x', 100000)) FROM taskqueue.task, generate_series(1, 12) AS n
        """
      )
      let claim = "SELECT count(*) FROM taskqueue._claim('{default}', '{note}', 10, 1000000, '1 min')"
      for _ in 1...3 { #expect(try await store.number(claim) == 1) }
      #expect(try await store.number(claim) == 0)
    }
  }
}
