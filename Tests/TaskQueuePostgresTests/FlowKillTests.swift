import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// Eight steps each: values, an effect, a transaction, a sleep, an event or its timeout, two compensations.
@Suite("Flows survive SIGKILL", .serialized)
struct FlowKillTests {
  private static let count = ProcessInfo.processInfo.environment["TASKQUEUE_FLOWS"].flatMap { Int($0) } ?? 300
  private static let books = """
    CREATE TABLE public.seen_1 (flow bigint, value bigint, pid bigint);
    CREATE TABLE public.seen_2 (flow bigint, value bigint, pid bigint);
    CREATE TABLE public.charged (flow bigint, value bigint, pid bigint);
    CREATE INDEX ON public.charged (flow);
    CREATE TABLE public.undone (flow bigint, value bigint, pid bigint, id bigint GENERATED ALWAYS AS IDENTITY);
    CREATE TABLE public.timed_out (flow bigint, value bigint, pid bigint);
    CREATE TABLE public.held (flow bigint);
    CREATE TABLE public.completed (flow bigint)
    """

  @Test(
    "Processes are killed, events come meanwhile: each flow sees one value per step, charges and holds once, and ends once"
  )
  func kills() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.pool.executeScript(Self.books)
      func spawn() throws -> WorkerProcess {
        try WorkerProcess(["flows", database.postgresConfiguration.connectionString])
      }
      var workers = [try spawn(), try spawn()]
      var kills = 0
      var begun = 0
      let end = ContinuousClock.now + .seconds(300 + Self.count / 10)
      while ContinuousClock.now < end {
        let next = begun + 1..<min(Self.count, begun + max(60, Self.count / 100)) + 1
        try await begin(next, store)
        begun = next.upperBound - 1
        if begun == Self.count, try await store.number("SELECT count(*) FROM taskqueue.task") == 0 { break }
        try await Task.sleep(for: .milliseconds(Int.random(in: 300...900)))
        // Not for ever: what is killed again and again does not end.
        guard kills < 20 + Self.count / 100 else { continue }
        workers[kills % 2].kill()
        workers[kills % 2] = try spawn()
        kills += 1
      }
      for worker in workers { worker.stop() }
      #expect(kills >= 3)
      try await expectBooks(store)
      _ = try await store.purgeFlows(within: .seconds(600))
      try await expect(
        0,
        "FROM taskqueue.step s WHERE NOT EXISTS (SELECT FROM taskqueue.dead_task d WHERE d.id = s.task_id)",
        store
      )
      await store.close()
    }
  }

  /// Some events come before their flows wait for them, some after. Every third flow is told to stop, every fourth nothing.
  private func begin(_ numbers: Range<Int>, _ store: PostgresTaskStore) async throws {
    guard !numbers.isEmpty else { return }
    let tasks = try numbers.map { number in
      try NewTask(type: "test.crash-flow", json: Data(#"{"number":\#(number)}"#.utf8))
    }
    let emit = """
      SELECT taskqueue.emit('go/' || n, CASE WHEN n % 3 = 0 THEN '"stop"' ELSE '"go"' END::json)
      FROM generate_series($1::bigint, $2::bigint) AS n WHERE n % 4 <> 0 AND (n % 2 = 0) = $3
      """
    let (first, last) = (LibpqValue.int8(Int64(numbers.lowerBound)), LibpqValue.int8(Int64(numbers.upperBound - 1)))
    try await store.pool.query(emit, [first, last, .bool(true)])
    _ = try await store.enqueue(tasks)
    try await Task.sleep(for: .milliseconds(300))
    try await store.pool.query(emit, [first, last, .bool(false)])
  }

  private func expect(_ count: Int, _ rows: String, _ store: PostgresTaskStore) async throws {
    let found = try await store.number("SELECT count(*) \(rows)")
    #expect(found == count, "\(rows)")
  }

  private func expectBooks(_ store: PostgresTaskStore) async throws {
    let all = 1...Self.count
    let stopped = all.count { $0 % 3 == 0 || $0 % 4 == 0 }
    try await expect(0, "FROM taskqueue.task", store)
    for step in 1...2 {
      // A value that was lost with its worker was never seen by anyone.
      try await expect(
        0,
        "FROM (SELECT FROM public.seen_\(step) GROUP BY flow HAVING count(DISTINCT value) > 1) AS s",
        store
      )
      try await expect(Self.count, "FROM (SELECT DISTINCT flow FROM public.seen_\(step)) AS s", store)
    }
    for table in ["charged", "held"] {
      try await expect(Self.count, "FROM public.\(table)", store)
      try await expect(Self.count, "FROM (SELECT DISTINCT flow FROM public.\(table)) AS s", store)
    }
    try await expect(Self.count - stopped, "FROM public.completed", store)
    try await expect(
      Self.count - stopped,
      "FROM (SELECT DISTINCT flow FROM public.completed WHERE flow % 3 <> 0 AND flow % 4 <> 0) AS s",
      store
    )
    // Those that nobody emits an event for, and no other.
    try await expect(all.count { $0 % 4 == 0 }, "FROM (SELECT DISTINCT flow FROM public.timed_out) AS s", store)
    try await expect(0, "FROM public.timed_out WHERE flow % 4 <> 0", store)
    // What is undone is a step: at least once, the last one first.
    try await expect(
      stopped,
      "FROM (SELECT flow FROM public.undone GROUP BY flow HAVING count(DISTINCT value) = 2) AS s",
      store
    )
    try await expect(0, "FROM public.undone WHERE flow % 3 <> 0 AND flow % 4 <> 0", store)
    try await expect(
      0,
      "FROM (SELECT FROM public.undone GROUP BY flow HAVING max(id) FILTER (WHERE value = 2) > min(id) FILTER (WHERE value = 1)) AS s",
      store
    )
    try await expect(stopped, "FROM taskqueue.dead_task WHERE reason = 'discarded'", store)
    try await expect(0, "FROM taskqueue.event_wait", store)
  }
}
