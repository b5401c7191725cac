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
      try await expectBooks(of: Array(1...Self.count), store)
      await store.close()
    }
  }

  /// One flow that completes, one that is told to stop, one that waits for an event in vain.
  @Test("A process is killed at each await of a flow's handler in turn: the same holds", arguments: [1, 3, 4])
  func everyAwait(first: Int) async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.pool.executeScript(Self.books)
      let connection = database.postgresConfiguration.connectionString
      var numbers: [Int] = []
      func hasEnded(_ point: Int) async throws -> Bool {
        try await store.number("SELECT count(*) FROM taskqueue.task WHERE queue = 'await-\(point)'") == 0
      }
      // Until a process has passed all awaits of its flow, and lives.
      var hasSurvivor = false
      while !hasSurvivor, numbers.count < 100 {
        let points = numbers.count + 1...numbers.count + 12
        let flows = points.map { (number: first + 12 * ($0 - 1), queue: QueueName("await-\($0)")) }
        try await begin(flows, store)
        func spawn(_ point: Int, _ last: Int) throws -> WorkerProcess {
          try WorkerProcess(["flows-of", "await-\(point)", "\(last)", connection])
        }
        let processes = try points.map { try spawn($0, $0) }
        var others: [WorkerProcess] = []
        for (point, process) in zip(points, processes) {
          try await eventually("A process is killed at await \(point), or its flow ends.") {
            if !process.isRunning { return true }
            return try await hasEnded(point)
          }
          if process.isRunning { hasSurvivor = true } else { others.append(try spawn(point, .max)) }
        }
        for point in points {
          try await eventually("Another process ends what was killed at await \(point).") { try await hasEnded(point) }
        }
        for process in processes + others { process.stop() }
        numbers += flows.map(\.number)
      }
      #expect(hasSurvivor)
      #expect(numbers.count >= 24)
      try await expectBooks(of: numbers, store)
      await store.close()
    }
  }

  private func begin(_ numbers: Range<Int>, _ store: PostgresTaskStore) async throws {
    try await begin(numbers.map { ($0, .default) }, store)
  }

  /// Some events come before their flows wait for them, some after. Every third flow is told to stop, every fourth nothing.
  private func begin(_ flows: [(number: Int, queue: QueueName)], _ store: PostgresTaskStore) async throws {
    guard !flows.isEmpty else { return }
    let tasks = try flows.map { flow in
      var options = EnqueueOptions()
      options.queue = flow.queue
      return try NewTask(type: "test.crash-flow", json: Data(#"{"number":\#(flow.number)}"#.utf8), options: options)
    }
    let emit = """
      SELECT taskqueue.emit('go/' || n, CASE WHEN n % 3 = 0 THEN '"stop"' ELSE '"go"' END::json)
      FROM unnest($1::bigint[]) AS n WHERE n % 4 <> 0 AND (n % 2 = 0) = $2
      """
    let numbers = LibpqValue.int8Array(flows.map { Int64($0.number) })
    try await store.pool.query(emit, [numbers, .bool(true)])
    _ = try await store.enqueue(tasks)
    try await Task.sleep(for: .milliseconds(300))
    try await store.pool.query(emit, [numbers, .bool(false)])
  }

  private func expect(_ count: Int, _ rows: String, _ store: PostgresTaskStore) async throws {
    let found = try await store.number("SELECT count(*) \(rows)")
    #expect(found == count, "\(rows)")
  }

  private func expectBooks(of all: [Int], _ store: PostgresTaskStore) async throws {
    let stopped = all.count { $0 % 3 == 0 || $0 % 4 == 0 }
    try await expect(0, "FROM taskqueue.task", store)
    for step in 1...2 {
      // A value that was lost with its worker was never seen by anyone.
      try await expect(
        0,
        "FROM (SELECT FROM public.seen_\(step) GROUP BY flow HAVING count(DISTINCT value) > 1) AS s",
        store
      )
      try await expect(all.count, "FROM (SELECT DISTINCT flow FROM public.seen_\(step)) AS s", store)
    }
    for table in ["charged", "held"] {
      try await expect(all.count, "FROM public.\(table)", store)
      try await expect(all.count, "FROM (SELECT DISTINCT flow FROM public.\(table)) AS s", store)
    }
    try await expect(all.count - stopped, "FROM public.completed", store)
    try await expect(
      all.count - stopped,
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
    _ = try await store.purgeFlows(within: .seconds(600))
    try await expect(
      0,
      "FROM taskqueue.step s WHERE NOT EXISTS (SELECT FROM taskqueue.dead_task d WHERE d.id = s.task_id)",
      store
    )
  }
}
