import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// `make schedules` runs them with more.
@Suite("Each slot has one task when processes die and clocks are wrong", .serialized)
struct ScheduleKillTests {
  private static func number(_ variable: String, _ standard: Int) -> Int {
    ProcessInfo.processInfo.environment[variable].flatMap(Int.init) ?? standard
  }

  /// A worker's own clock that goes too fast or too slow.
  private struct WrongClock: Clock {
    struct Instant: InstantProtocol {
      var elapsed: Duration
      func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
      func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
      static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.elapsed < rhs.elapsed }
    }

    let rate: Double
    private let start = ContinuousClock.now

    init(rate: Double) { self.rate = rate }

    var now: Instant { Instant(elapsed: start.duration(to: .now) * rate) }
    var minimumResolution: Duration { .nanoseconds(1) }

    func sleep(until deadline: Instant, tolerance: Duration?) async throws {
      try await ContinuousClock().sleep(for: now.duration(to: deadline) / rate)
    }
  }

  /// Each task that is ever stored, with its slot and how late it was made.
  private static let books = """
    CREATE TABLE public.made (id bigint, schedule text, slot timestamptz, late float8);
    CREATE FUNCTION public.note_made() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
      INSERT INTO public.made VALUES (new.id, new.headers ->> 'taskqueue-schedule',
        (new.headers ->> 'taskqueue-scheduled-for')::timestamptz,
        extract(epoch FROM clock_timestamp() - (new.headers ->> 'taskqueue-scheduled-for')::timestamptz));
      RETURN new;
    END $$;
    CREATE TRIGGER note_made AFTER INSERT ON taskqueue.task FOR EACH ROW EXECUTE FUNCTION public.note_made();
    """

  private func idleWorker(_ store: PostgresTaskStore, clock: any Clock<Duration> = ContinuousClock()) throws
    -> TaskWorker
  {
    var handlers = TaskHandlers()
    try handlers.register("test.none", as: Int.self) { _, _ in .completed }
    return try TaskWorker(store: store, handlers: handlers, clock: clock, logger: .silent)
  }

  @Test("SIGKILL of processes, terminated backends, clocks at half and double speed: one task per slot, none left out")
  func kills() async throws {
    let slotCount = Self.number("TASKQUEUE_SCHEDULE_SLOTS", 1_000)
    let scheduleCount = max(50, slotCount / 40)
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.pool.executeScript(Self.books)
      let rule = try ScheduleRule.cron("* * * * * *", timeZone: "Europe/Berlin")
      let options = ScheduleOptions.with { $0.catchUp = .all(atMost: Limits.page) }
      let definition = try ScheduleDefinition(rule, 1, as: "test.slot", options: options)
      let names = (1...scheduleCount).map { "s\($0)" }
      try await TaskClient(store: store).schedules.set(
        all: Dictionary(uniqueKeysWithValues: names.map { ($0, definition) })
      )
      func spawn() throws -> WorkerProcess {
        try WorkerProcess(["schedules", database.postgresConfiguration.connectionString])
      }
      let stores = try (0..<2).map { _ in try PostgresTaskStore(.init(database.postgresConfiguration)) }
      var kills = 0
      try await run(try idleWorker(stores[0], clock: WrongClock(rate: 0.5))) {
        try await run(try idleWorker(stores[1], clock: WrongClock(rate: 2))) {
          var workers = [try spawn(), try spawn()]
          let end = ContinuousClock.now + .seconds(600)
          while try await store.number("SELECT count(*) FROM public.made") < slotCount, ContinuousClock.now < end {
            try await Task.sleep(for: .milliseconds(Int.random(in: 200...700)))
            workers[kills % 2].kill()
            workers[kills % 2] = try spawn()
            kills += 1
            try await store.pool.query(
              """
              SELECT pg_terminate_backend(pid) FROM (SELECT pid FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 1) AS victims
              """
            )
          }
          for worker in workers { worker.stop() }
        }
      }
      #expect(kills >= 5)
      let made = try await store.number("SELECT count(*) FROM public.made")
      #expect(made >= slotCount)
      #expect(
        try await store.number("SELECT count(*) FROM (SELECT DISTINCT schedule, slot FROM public.made) AS s") == made
      )
      // From its first slot to its last one each schedule has every second.
      #expect(
        try await store.number(
          """
          SELECT count(*) FROM (SELECT FROM public.made GROUP BY schedule
            HAVING count(*) <> extract(epoch FROM max(slot) - min(slot)) + 1) AS gaps
          """
        ) == 0
      )
      #expect(try await store.number("SELECT count(DISTINCT schedule) FROM public.made") == scheduleCount)
      #expect(try await store.number("SELECT count(*) FROM public.made WHERE late < 0") == 0)
      print("\(made) slots of \(scheduleCount) schedules, \(kills) processes killed")
      for store in stores + [store] { await store.close() }
    }
  }

  @Test("Many schedules: how late the tasks are made; the figures decide nothing")
  func lateness() async throws {
    let count = Self.number("TASKQUEUE_SCHEDULES", 2_000)
    let seconds = Self.number("TASKQUEUE_SCHEDULES_SECONDS", 5)
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.pool.executeScript(Self.books)
      // Spread over an hour, or over the time that the test takes.
      let period = min(3_600, max(count / 28, 10))
      for start in stride(from: 0, to: count, by: 5_000) {
        var schedules: [String: ScheduleDefinition] = [:]
        for number in start..<min(start + 5_000, count) {
          let anchor = Date(timeIntervalSince1970: Double(number % period))
          schedules["s\(number)"] = try ScheduleDefinition(.every(.seconds(period), anchor: anchor), 1, as: "test.slot")
        }
        try await TaskClient(store: store).schedules.set(all: schedules)
      }
      let clock = ContinuousClock()
      let begin = clock.now
      try await run(try idleWorker(store)) {
        try await eventually("all are planned, and what came meanwhile is made", within: .seconds(600)) {
          try await store.number("SELECT count(*) FROM taskqueue.schedule WHERE next_at <= clock_timestamp()") == 0
        }
        let planning = begin.duration(to: clock.now)
        try await store.pool.executeScript("TRUNCATE public.made; ANALYZE taskqueue.schedule")
        try await clock.sleep(for: .seconds(seconds))
        let row = try await store.pool.query(
          """
          SELECT count(*), coalesce(percentile_cont(0.5) WITHIN GROUP (ORDER BY late) * 1000, 0)::float8,
            coalesce(percentile_cont(0.99) WITHIN GROUP (ORDER BY late) * 1000, 0)::float8, coalesce(max(late) * 1000, 0)::float8
          FROM public.made
          """
        )[0]
        #expect(try row.int8(0) > 0)
        print(
          """
          \(count) schedules, planned in \(planning); \(try row.int8(0)) tasks in \(seconds) s: late p50 \(try row.float8(1)) ms, \
          p99 \(try row.float8(2)) ms, at most \(try row.float8(3)) ms
          """
        )
      }
      await store.close()
    }
  }
}
