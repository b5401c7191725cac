import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

struct RatedTask: TaskPayload {
  static let taskType: TaskType = "test.rated"
  var line: String
}

/// Two processes that are killed in turns; stamps are recorded by the database when tasks are admitted.
@Suite("S48 Rates hold while processes die", .serialized)
struct RateRunTests {
  private static let asked = ProcessInfo.processInfo.environment["TASKQUEUE_RATE_SECONDS"].flatMap { Int($0) }
  private static let seconds = asked ?? 3

  @Test("10, 100 and 1,000 per second: none over in any window, and by hand at most 1 % under")
  func run() async throws {
    for rate in [10, 100, 1_000] { try await run(rate) }
  }

  private func run(_ rate: Int) async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 5))
      try await store.pool.executeScript(
        """
        CREATE TABLE public.start (line text NOT NULL, task_id bigint NOT NULL, attempt int NOT NULL, started_at timestamptz NOT NULL);
        CREATE TABLE public.stamp (task_id bigint NOT NULL, at timestamptz NOT NULL);
        CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO public.stamp VALUES (NEW.id, NEW.due_at);
          RETURN NULL;
        END $$;
        CREATE TRIGGER stamp AFTER UPDATE OF slot ON taskqueue.task FOR EACH ROW WHEN (OLD.slot = 0 AND NEW.slot > 0)
          EXECUTE FUNCTION public.stamp();
        """
      )
      try await store.declare([LimitRule("bank", rate: LimitRate(rate))])
      let tasks = try (0..<(rate * (Self.seconds + 2))).map { _ in
        try NewTask(RatedTask(line: "bank"), options: .with { $0.limit = TaskLimit("bank") })
      }
      _ = try await store.enqueue(tasks)
      var workers = [try spawn(database), try spawn(database)]
      try await eventually("work begins", within: .seconds(60)) {
        try await store.number("SELECT count(*) FROM public.stamp") > 0
      }
      let end = ContinuousClock.now + .seconds(Self.seconds)
      while ContinuousClock.now < end {
        try await Task.sleep(for: .milliseconds(min(5_000, Self.seconds * 300)))
        let victim = Int.random(in: workers.indices)
        workers[victim].kill()
        workers[victim] = try spawn(database)
      }
      for worker in workers { worker.stop() }
      let over = try await store.number(
        """
        SELECT count(*) FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM public.stamp) AS s
        WHERE gap < interval '1 s' / \(rate)
        """
      )
      #expect(over == 0)
      let stamps = try await store.number("SELECT count(*) FROM public.stamp")
      // Of the time from the first to the last one: they are given ahead.
      let expected = try await store.number(
        "SELECT ceil(extract(epoch FROM max(at) - min(at)) * \(rate))::bigint FROM public.stamp"
      )
      #expect(Double(stamps) >= Double(expected) * (Self.asked == nil ? 0.5 : 0.99))
      try await report(store, rate: rate, stamps: stamps, expected: expected)
      await store.close()
    }
  }

  private func spawn(_ database: TestDatabase) throws -> WorkerProcess {
    try WorkerProcess(["rates", database.postgresConfiguration.connectionString])
  }

  /// What a provider sees: starts come late, and so may be closer together than the stamps.
  private func report(_ store: PostgresTaskStore, rate: Int, stamps: Int, expected: Int) async throws {
    let row = try await store.pool.query(
      """
      WITH late AS (
        SELECT s.started_at, extract(epoch FROM s.started_at - p.at)::float8 * 1000 AS ms
        FROM public.start s JOIN public.stamp p ON p.task_id = s.task_id WHERE s.attempt = 1
      )
      SELECT min(ms), percentile_cont(0.5) WITHIN GROUP (ORDER BY ms), percentile_cont(0.99) WITHIN GROUP (ORDER BY ms), max(ms),
        (SELECT max(c)::int FROM (SELECT count(*) OVER (ORDER BY started_at RANGE BETWEEN interval '1 s' PRECEDING AND CURRENT ROW) AS c
          FROM late) AS w)
      FROM late
      """
    )[0]
    // Nothing starts before its stamp.
    #expect(try row.float8(0) >= 0)
    let numbers = try (1...3).map { (try row.float8($0)).rounded() }
    print(
      """
      \(rate)/s: \(stamps) admitted where \(expected) could be; handlers began ms after their stamps: median \(numbers[0]), \
      p99 \(numbers[1]), most \(numbers[2]); at most \(try row.int4(4)) in one second
      """
    )
  }
}
