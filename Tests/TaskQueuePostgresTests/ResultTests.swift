import Foundation
import Libpq
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@Suite("Results in PostgreSQL")
struct PostgresResultTests {
  @Test("The PostgreSQL store keeps the contract of histories", arguments: HistoryConformance.all)
  func conforms(to check: HistoryConformance.Check) async throws {
    try await withStore { try await check.run(on: PostgresStoreHarness($0)) }
  }

  private func worker(
    _ store: PostgresTaskStore,
    _ options: TaskHandlerOptions = .init(),
    _ handle: @escaping @Sendable (Note, TaskContext) async throws -> TaskOutcome
  ) throws -> TaskWorker {
    var handlers = TaskHandlers()
    try handlers.register(Note.self, options: options, handle)
    return try TaskWorker(store: store, handlers: handlers, logger: .silent)
  }

  @Test("Who enqueues and waits gets the result, or the time is over")
  func waiting() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let worker = try worker(store) { note, _ in
        if note.text == "slow" { try await Task.sleep(for: .seconds(600)) }
        return try .completed(result: note.text + "!")
      }
      try await run(worker) {
        let texts = try await withThrowingTaskGroup(of: String.self) { group in
          for number in 1...20 {
            group.addTask { try await client.enqueueAndWait(Note(text: "\(number)"), timeout: .seconds(30)) }
          }
          return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(texts == Set((1...20).map { "\($0)!" }))
        let error = await #expect(throws: TaskResultError.self) {
          let _: String = try await client.enqueueAndWait(Note(text: "slow"), timeout: .milliseconds(100))
        }
        #expect(error?.code == .timedOut)
        if let error { _ = try await client.cancel(error.task) }
      }
    }
  }

  @Test("A plain task touches neither history nor groups, one that is kept is a row of its day")
  func plain() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      let ids = try await client.enqueue(all: (1...100).map { Note(text: "\($0)") }).map(\.id)
      try await run(try worker(store) { _, _ in .completed }) {
        while try await store.number("SELECT count(*) FROM taskqueue.task") > 0 {
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      for table in ["done", "group_end", "event_look", "step"] {
        #expect(try await store.number("SELECT count(*) FROM taskqueue.\(table)") == 0, "\(table)")
      }
      #expect(try await store.ending(of: ids[0]) == .gone)
      let kept = try await client.enqueue(Note(text: "kept"), options: .with { $0.retain = .seconds(3_600) }).id
      try await run(try worker(store) { _, _ in .completed }) {
        _ = try await client.result(of: kept, as: Int?.self, timeout: .seconds(30))
      }
      #expect(try await store.number("SELECT count(*) FROM taskqueue.done_task WHERE id = \(kept)") == 1)
    }
  }

  @Test("Days get partitions ahead, old days are dropped, and without a partition no completion is lost")
  func partitions() async throws {
    try await withStore { store in
      func parts() async throws -> [String] {
        try await store.pool.query(
          "SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'taskqueue.done'::regclass ORDER BY 1"
        ).rows.map { try $0.text(0) }
      }
      func conclude(_ retain: Duration) async throws -> TaskID {
        let id = try await store.add("x").id
        let task = try await store.claimAll()[0]
        #expect(try await store.settle(task.claim, .conclude(Conclusion(result: Data("1".utf8), retain: retain))))
        return id
      }
      // Before the first upkeep, as in a database whose workers have all been away for days.
      #expect(try await parts() == ["done_rest"])
      let early = try await conclude(.seconds(60))
      #expect(try await store.number("SELECT count(*) FROM taskqueue.done_rest") == 1)
      _ = try await store.keepHistory(within: .seconds(60))
      // Today gets none: its rows may be on their way to the rest. The days after do.
      #expect(try await parts().count == 4)
      #expect(try await store.ending(of: early) == .completed(Data("1".utf8)))
      try await store.pool.query("UPDATE taskqueue.done SET expires_at = now() - interval '1 s'")
      _ = try await store.keepHistory(within: .seconds(60))
      #expect(try await store.number("SELECT count(*) FROM taskqueue.done_rest") == 0)

      // A day of the past with one row that counts and one that does not stays; then it goes as a whole.
      try await store.pool.executeScript(
        """
        CREATE TABLE taskqueue.done_20200101 PARTITION OF taskqueue.done
          FOR VALUES FROM ('2020-01-01 00:00:00+00') TO ('2020-01-02 00:00:00+00');
        INSERT INTO taskqueue.done (id, queue, type, attempt, created_at, done_at, expires_at)
        SELECT 900000 + n, 'q', 'old', 1, '2020-01-01 01:00:00+00', '2020-01-01 02:00:00+00', now() + (2 * n - 3) * interval '1 hour'
        FROM generate_series(1, 2) AS n
        """
      )
      _ = try await store.keepHistory(within: .seconds(60))
      #expect(try await parts().contains("done_20200101"))
      try await store.pool.query("UPDATE taskqueue.done SET expires_at = now() - interval '1 s' WHERE type = 'old'")
      // While a transaction reads it, upkeep does not wait for long.
      try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("SELECT count(*) FROM taskqueue.done")
        _ = try await store.elsewhere { try await $0.keepHistory(within: .seconds(60)) }
      }
      #expect(try await parts().contains("done_20200101"))
      _ = try await store.keepHistory(within: .seconds(60))
      #expect(try await !parts().contains("done_20200101"))
      #expect(try await parts().count == 4)
    }
  }

  @Test("A completion that meets the making of its day's partition goes there, and is not lost")
  func attached() async throws {
    try await withStore { store in
      let id = try await store.add("x").id
      let task = try await store.claimAll()[0]
      let settled = try await store.pool.withTransaction { transaction in
        _ = try await transaction.query("CREATE TABLE taskqueue.done_today (LIKE taskqueue.done INCLUDING ALL)")
        _ = try await transaction.query(
          "ALTER TABLE taskqueue.done ATTACH PARTITION taskqueue.done_today FOR VALUES FROM ('2020-01-01') TO ('3000-01-01')"
        )
        let settled = Task.detached {
          try await store.settle(task.claim, .conclude(Conclusion(result: Data("1".utf8))))
        }
        try await store.elsewhere { other in
          while try await other.number("SELECT count(*) FROM pg_locks WHERE NOT granted") == 0 {
            try await Task.sleep(for: .milliseconds(5))
          }
        }
        return settled
      }
      #expect(try await settled.value)
      #expect(try await store.ending(of: id) == .completed(Data("1".utf8)))
      #expect(try await store.number("SELECT count(*) FROM taskqueue.done_today") == 1)
    }
  }

  @Test("Completed by plain SQL, a task that was enqueued to be kept is")
  func plainSQL() async throws {
    try await withStore { store in
      let id = try await store.add("x") { $0.retain = .seconds(100) }.id
      let claim = try await store.claimAll()[0].claim
      try await store.pool.query("SELECT taskqueue.complete($1, $2)", [.int8(claim.id.rawValue), .int8(claim.token)])
      #expect(try await store.ending(of: id) == .completed(nil))
      let error = await #expect(throws: LibpqError.self) {
        try await store.pool.query("SELECT taskqueue.complete($1, $2)", [.int8(claim.id.rawValue), .int8(claim.token)])
      }
      #expect(error?.sqlState == "TQ001")
    }
  }

  @Test("A worker reports what it did, and at its end what is left")
  func throughput() async throws {
    try await withStore { store in
      let client = TaskClient(store: store)
      _ = try await client.enqueue(all: (1...50).map { Note(text: "\($0)") })
      let worker = try worker(store, .init(retry: .fixed(.seconds(600)))) { note, _ in
        if note.text.hasSuffix("0") { return .discard(reason: "round") }
        return .completed
      }
      try await run(worker) {
        while try await store.number("SELECT count(*) FROM taskqueue.task") > 0 {
          try await Task.sleep(for: .milliseconds(5))
        }
      }
      let counts = try await client.throughput(of: .seconds(600))
      let sums = Dictionary(grouping: counts, by: \.outcome).mapValues { $0.reduce(0) { $0 + $1.attempts } }
      #expect(sums == ["completed": 45, "discarded": 5])
      #expect(
        try await store.number("SELECT sum(attempts)::bigint FROM taskqueue.throughput WHERE type = 'note'") == 50
      )
    }
  }
}
