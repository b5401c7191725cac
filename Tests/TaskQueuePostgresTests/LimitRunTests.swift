import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

struct LimitedTask: TaskPayload {
  static let taskType: TaskType = "test.limited"
  var number: Int64
  /// Its limit and key.
  var line: String
}

/// Whatever is killed or committed late: never more than allowed, in order where that is asked for, and nobody waits for ever.
@Suite("S46, S47 Limits hold while processes die and transactions commit late", .serialized)
struct LimitRunTests {
  private static let count = ProcessInfo.processInfo.environment["TASKQUEUE_LIMIT_TASKS"].flatMap { Int($0) } ?? 10_000
  private static let freeLimit = 2

  @Test("One to four processes, SIGKILL, SIGSTOP for longer than a lease, late commits, rollbacks and retries")
  func run() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 20))
      try await store.pool.executeScript(
        """
        CREATE TABLE public.span (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, number bigint NOT NULL, line text NOT NULL,
          pid bigint NOT NULL, started_at timestamptz NOT NULL, lease_until timestamptz NOT NULL, ended_at timestamptz)
        """
      )
      try await store.declare([LimitRule("free", concurrency: Self.freeLimit), LimitRule("order", order: .ordered())])
      var workers = [try spawn(database)]
      var frozen: (process: Int32, since: ContinuousClock.Instant)?
      try await withThrowingTaskGroup(of: Void.self) { group in
        for enqueuer in 0..<4 { group.addTask { try await Self.enqueue(store, as: enqueuer) } }
        group.addTask { try await Self.watch(store) }
        var done = 0
        while done < Self.count * 9 / 10 {
          let target = done + Self.count / 20
          try await eventually("work goes on", within: .seconds(max(120, Self.count / 2_000))) {
            done = try await store.number("SELECT count(DISTINCT number) FROM public.span WHERE ended_at IS NOT NULL")
            return done >= target
          }
          if workers.count < 4 {
            workers.append(try spawn(database))
          } else {
            let victim = Int.random(in: workers.indices)
            let process = workers[victim].processIdentifier
            if let still = frozen {
              // Longer than its leases: others have taken over by now.
              try await ContinuousClock().sleep(until: still.since + .seconds(7))
              kill(still.process, SIGCONT)
              frozen = nil
            } else if Bool.random() {
              kill(process, SIGSTOP)
              frozen = (process, .now)
              continue
            }
            workers[victim].kill()
            workers[victim] = try spawn(database)
          }
        }
        if let still = frozen { kill(still.process, SIGCONT) }
        try await eventually("nothing is stranded", within: .seconds(300)) {
          let (left, done) = (
            try await store.number("SELECT count(*) FROM taskqueue.task"),
            try await store.number("SELECT count(DISTINCT number) FROM public.span")
          )
          return left == 0 && done == Self.count
        }
        group.cancelAll()
        try await group.waitForAll()
      }
      for worker in workers { worker.stop() }
      try await expectNoViolation(store)
      await store.close()
    }
  }

  private func spawn(_ database: TestDatabase) throws -> WorkerProcess {
    try WorkerProcess(["limits", database.postgresConfiguration.connectionString])
  }

  /// A quarter of the tasks: singly, in bulks, in transactions that commit late, and in some that roll back. Each enqueuer has ordered lines
  /// of its own, so that their order is that of the numbers.
  private static func enqueue(_ store: PostgresTaskStore, as enqueuer: Int) async throws {
    let client = TaskClient(store: store)
    var number = enqueuer * count / 4
    let end = (enqueuer + 1) * count / 4
    while number < end {
      let size = min(Int.random(in: 1...max(40, count / 500)), end - number)
      let tasks = try (number..<(number + size)).map { number -> NewTask in
        let limit =
          number % 2 == 0
          ? TaskLimit("free", key: "\(number % max(20, count / 100))")
          : TaskLimit("order", key: "\(enqueuer)-\(number % 15)")
        let task = LimitedTask(number: Int64(number), line: limit.description)
        return try client.newTask(task, options: .with { $0.limit = limit })
      }
      switch Int.random(in: 0..<4) {
      case 0 where size < 10: for task in tasks { try await client.enqueue([task]) }
      case 1:
        struct RolledBack: Error {}
        try? await client.withTransaction { transaction in
          try await client.enqueue(tasks, in: transaction)
          throw RolledBack()
        }
        continue
      case 2:
        try await client.withTransaction { transaction in
          try await client.enqueue(tasks, in: transaction)
          try await Task.sleep(for: .milliseconds(Int.random(in: 0...300)))
        }
      default: try await client.enqueue(tasks)
      }
      number += size
    }
  }

  /// What the database says at any moment.
  private static func watch(_ store: PostgresTaskStore) async throws {
    while !Task.isCancelled {
      let bad = try await store.number(
        """
        SELECT (SELECT count(*) FROM (SELECT FROM taskqueue.task WHERE slot > 0 GROUP BY limit_key
            HAVING count(*) > CASE WHEN limit_key LIKE 'free/%' THEN \(freeLimit) ELSE 1 END) AS over)
          + (SELECT count(*) FROM taskqueue.task WHERE ready AND (slot IS NULL OR slot = 0))
        """
      )
      #expect(bad == 0)
      try? await Task.sleep(for: .milliseconds(100))
    }
  }

  /// By the times at which handlers really ran. Whoever was killed, or cancelled for a lost lease, wrote no end: its slot was its own until
  /// the lease ended. What one that stood still did after that was refused.
  private func expectNoViolation(_ store: PostgresTaskStore) async throws {
    let over = try await store.number(
      """
      SELECT count(*) FROM (
        SELECT line, sum(change) OVER (PARTITION BY line ORDER BY at, change) AS running FROM (
          SELECT line, started_at AS at, 1 AS change FROM public.span
          UNION ALL SELECT line, least(ended_at, lease_until), -1 FROM public.span) AS changes) AS moments
      WHERE running > CASE WHEN line LIKE 'free/%' THEN \(Self.freeLimit) ELSE 1 END
      """
    )
    #expect(over == 0)
    let outOfOrder = try await store.number(
      """
      SELECT count(*) FROM (
        SELECT number, lag(number) OVER (PARTITION BY line ORDER BY started_at) AS before FROM public.span
        WHERE line LIKE 'order/%') AS starts
      WHERE number < before
      """
    )
    #expect(outOfOrder == 0)
    #expect(try await store.number("SELECT count(*) FROM taskqueue.dead_task") == 0)
    let parallel = try await store.number("SELECT count(DISTINCT pid) FROM public.span")
    #expect(parallel > 2)
  }
}
