import EmbeddedPostgres
import Foundation
import Libpq
import Logging
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

struct CrashTask: TaskPayload {
  static let taskType: TaskType = "test.crash"
  var number: Int64
}

/// Whatever is killed: no task lost, no in-transaction effect doubled, none stuck.
@Suite("S1, S2, S26, S27 Nothing is lost or doubled when processes and connections die", .serialized)
struct KillTests {
  /// How many tasks there are, and how many a worker takes at a time. One: every claim and settlement is a batch of one.
  struct Pace: CustomTestStringConvertible {
    let taskCount: Int
    let concurrency: Int
    var testDescription: String { "\(taskCount) tasks, \(concurrency) at a time" }

    /// Between two terminations of backends: enough for one attempt of one task now and then.
    var respite: Duration { .milliseconds(concurrency == 1 ? 40 : 20) }

    static let all = [Pace(taskCount: 2_000, concurrency: 16), Pace(taskCount: 1_500, concurrency: 1)]
  }

  @Test("SIGKILL of worker processes at random points", arguments: Pace.all)
  func killsWorkers(pace: Pace) async throws {
    try await withTestDatabase { database in
      let scene = try await Scene(database.postgresConfiguration, pace)
      func spawn() throws -> WorkerProcess {
        try WorkerProcess(
          database.postgresConfiguration,
          leaseMilliseconds: 2_000,
          workMilliseconds: pace.concurrency * 3 + 12,
          concurrency: pace.concurrency
        )
      }
      var workers = [try spawn(), try spawn()]
      var kills = 0
      // Each kill waits for progress since the last one, so that every worker dies at work.
      var done = 0
      while done < pace.taskCount * 9 / 10 {
        let target = done + pace.taskCount / 20
        try await eventually("work goes on") {
          done = try await scene.effectCount()
          return done >= target
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...30)))
        let victim = kills % 2
        workers[victim].kill()
        workers[victim] = try spawn()
        kills += 1
      }
      #expect(kills >= 5)
      try await scene.expectAllDoneOnce()
      for worker in workers { worker.stop() }
      #expect(try await scene.crashedTasksRanAgain())
      await scene.close()
    }
  }

  @Test("pg_terminate_backend at random points of claim, settle and COMMIT", arguments: Pace.all)
  func terminatesBackends(pace: Pace) async throws {
    try await withTestDatabase { database in
      let scene = try await Scene(database.postgresConfiguration, pace)
      try await scene.withWorker { _ in
        let killer = try await LibpqConnection.connect(database.postgresConfiguration)
        var terminated = 0
        while try await scene.effectCount(on: killer) < pace.taskCount * 19 / 20 {
          let result = try await killer.query(
            """
            SELECT count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM (
              SELECT pid FROM pg_stat_activity
              WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY random() LIMIT 2) AS victims
            """
          )
          terminated += Int(try result[0].int8(0))
          try await Task.sleep(for: pace.respite)
        }
        #expect(terminated >= 5)
        await killer.close()
        try await scene.expectAllDoneOnce()
      }
      await scene.close()
    }
  }

  @Test("An immediate restart of the server, as in a crash", arguments: Pace.all)
  func restartsServer(pace: Pace) async throws {
    let cluster = try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(cluster.connectionString)
    try await Migrator(configuration: database).migrate()
    let scene = try await Scene(database, pace)
    try await scene.withWorker { _ in
      for quarter in 1...3 {
        try await eventually("work goes on") { try await scene.effectCount() >= pace.taskCount * quarter / 4 }
        try await cluster.restart(immediate: true)
      }
      try await scene.expectAllDoneOnce()
    }
    await scene.close()
    await cluster.stop()
  }

  @Test("S4 A worker that was paused past its lease cannot commit its business rows")
  func pausedWorker() async throws {
    try await withTestDatabase { database in
      let scene = try await Scene(database.postgresConfiguration, Pace(taskCount: 1, concurrency: 1))
      let store = scene.store
      let request = ClaimRequest(
        queues: [.default],
        types: [CrashTask.taskType],
        limit: 1,
        lease: .milliseconds(100),
        promotesDue: false
      )
      let stale = try #require(try await store.exchange(settle: [], claim: request).claimed.first)
      var fresh: ClaimedTask?
      try await eventually("the lease ends and another worker takes over") {
        fresh = try await store.exchange(settle: [], claim: request).claimed.first
        return fresh != nil
      }
      let error = await #expect(throws: TaskQueueError.self) {
        try await TaskClient(store: store).withCompletion(of: stale.claim) { transaction in
          _ = try await transaction.query("INSERT INTO public.effect (number, pid) VALUES (1, 0)")
        }
      }
      #expect(error?.code == .leaseLost)
      #expect(try await scene.effectCount() == 0)
      for action in [
        Settlement.Action.complete, .reschedule(after: .zero, returnsAttempt: true), .release,
        .bury(.discarded, detail: nil, nil),
      ] {
        let applied = try await store.exchange(settle: [Settlement(stale.claim, action)], claim: nil).applied
        #expect(applied == [false])
      }
      #expect(try await store.renew([stale.claim], lease: .seconds(60)) == [.lost])
      let holder = try #require(fresh)
      #expect(try await store.exchange(settle: [Settlement(holder.claim, .complete)], claim: nil).applied == [true])
      await scene.close()
    }
  }
}

/// A database with tasks to do and a table that counts what their handlers did.
struct Scene {
  let store: PostgresTaskStore
  let pace: KillTests.Pace
  private var taskCount: Int { pace.taskCount }

  init(_ database: LibpqConfiguration, _ pace: KillTests.Pace) async throws {
    self.pace = pace
    store = try PostgresTaskStore(.init(database, maxConnections: 20))
    try await store.pool.executeScript("CREATE TABLE public.effect (number bigint NOT NULL, pid bigint NOT NULL)")
    _ = try await TaskClient(store: store).enqueue(all: (1...pace.taskCount).map { CrashTask(number: Int64($0)) })
  }

  func close() async { await store.close() }

  func effectCount(on connection: (any LibpqQueryable)? = nil) async throws -> Int {
    let queryable: any LibpqQueryable = connection ?? store.pool
    do throws(LibpqError) {
      return Int(try await queryable.query("SELECT count(*) FROM public.effect")[0].int8(0))
    } catch {
      // The server or our own connection may be down just now.
      guard [.connectionLost, .connectFailed, .server].contains(error.code) else { throw error }
      return -1
    }
  }

  /// Waits until no task is left, then counts.
  func expectAllDoneOnce() async throws {
    try await eventually("all tasks are done", within: .seconds(180)) {
      do throws(TaskQueueError) {
        return try await store.tasks(after: nil, limit: 1).isEmpty
      } catch {
        guard error.isRetrySafe else { throw error }
        return false
      }
    }
    let result = try await store.pool.query("SELECT count(*), count(DISTINCT number) FROM public.effect")
    #expect(try result[0].int8(0) == Int64(taskCount))
    #expect(try result[0].int8(1) == Int64(taskCount))
    #expect(try await store.deadLetters(.all, after: nil, limit: 10).isEmpty)
  }

  /// Whether more than the two processes of the end took part: the killed ones did some of the work.
  func crashedTasksRanAgain() async throws -> Bool {
    try await store.pool.query("SELECT count(DISTINCT pid) > 2 FROM public.effect")[0].bool(0)
  }

  func withWorker(_ body: (TaskWorker) async throws -> Void) async throws {
    var handlers = TaskHandlers()
    try handlers.register(CrashTask.self, options: .init(retry: .fixed(.milliseconds(20)), maxAttempts: 10_000)) {
      [store] task, context in
      try await TaskClient(store: store).withCompletion(of: context.claim) { transaction in
        _ = try await transaction.query(
          "INSERT INTO public.effect (number, pid) VALUES ($1, 0)",
          [.int8(task.number)]
        )
      }
      return .settledInTransaction
    }
    var configuration = TaskWorkerConfiguration()
    configuration.lease = .seconds(1)
    configuration.maxPollInterval = .milliseconds(50)
    configuration.maxCrashes = 10_000
    configuration.concurrency = pace.concurrency
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    try await run(worker) { try await body(worker) }
  }
}
