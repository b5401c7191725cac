import Foundation
import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueuePostgres
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("The test kit")
struct TestKitTests {
  private let time: ManualTime
  private let store: InMemoryTaskStore
  private var client: TaskClient<InMemoryTaskStore> { TaskClient(store: store) }

  init() {
    let time = ManualTime()
    self.time = time
    store = InMemoryTaskStore(now: { time.now })
  }

  private func handlers(
    options: TaskHandlerOptions? = nil,
    _ handle: @escaping @Sendable (Ping, TaskContext) async throws -> TaskOutcome
  ) throws -> TaskHandlers {
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: options, handle)
    return handlers
  }

  private func tester(
    options: TaskHandlerOptions? = nil,
    _ handle: @escaping @Sendable (Ping, TaskContext) async throws -> TaskOutcome
  ) throws -> TaskTester<InMemoryTaskStore> {
    TaskTester(store: store, handlers: try handlers(options: options, handle), time: time)
  }

  /// What each outcome leaves, on any store; due times to 10 s, for real clocks.
  private func checkOutcomes(_ store: some TaskStore) async throws {
    let refusal = HandlerFailure(description: "refused")
    let handlers = try handlers { ping, context in
      switch ping.number {
      case 0: return .completed
      case 1: return .again
      case 2: return .again(after: .seconds(300))
      case 3: return .snooze(.seconds(600))
      case 4: return .discard(reason: "closed")
      case 5 where context.attempt == 1: throw RetryAfter(.seconds(90), because: refusal)
      default: throw refusal
      }
    }
    let tester = TaskTester(store: store, handlers: handlers)
    func dueIn(_ attempt: TestedAttempt) -> Int? { attempt.dueIn.map { Int($0 / .seconds(1)) / 10 * 10 } }

    let completed = try await tester.run(Ping(number: 0))
    #expect(completed.outcome == .completed && completed.error == nil && completed.isFinished && completed.isRecorded)
    let again = try await tester.run(Ping(number: 1))
    #expect(again.outcome == .again && again.attempt == 1 && again.task?.state == .waiting && dueIn(again) == 60)
    let second = try await tester.run(again.id)
    #expect(second.attempt == 2 && second.failures == 0 && dueIn(second) == 120)
    let later = try await tester.run(Ping(number: 2))
    #expect(later.outcome == .again(after: .seconds(300)) && dueIn(later) == 300)
    let snoozed = try await tester.run(Ping(number: 3))
    #expect(snoozed.outcome == .snooze(.seconds(600)) && snoozed.task?.attempt == 0 && dueIn(snoozed) == 600)
    let discarded = try await tester.run(Ping(number: 4))
    #expect(discarded.deadLetter?.reason == .discarded && discarded.deadLetter?.detail == "closed")
    #expect(!discarded.isFinished && discarded.task == nil && discarded.dueIn == nil)
    let failed = try await tester.run(Ping(number: 5), options: .with { $0.maxAttempts = 2 })
    #expect(failed.error is RetryAfter && failed.outcome == nil && failed.failures == 1 && dueIn(failed) == 90)
    let dead = try await tester.run(failed.id)
    #expect(dead.error is HandlerFailure && dead.deadLetter?.reason == .failed && dead.failures == 2)
  }

  @Test("Shows the outcome of one attempt and how the task is afterwards, in memory")
  func outcomes() async throws { try await checkOutcomes(store) }

  @Test("Shows the outcome of one attempt and how the task is afterwards, on the database", .database)
  func outcomesOnDatabase() async throws {
    let database = try #require(TestDatabase.current)
    let store = try PostgresTaskStore(.init(database.postgresConfiguration))
    try await checkOutcomes(store)
    await store.close()
  }

  @Test("An attempt goes through middleware, and decodes as the handlers do")
  func realPath() async throws {
    struct Tenant: TaskMiddleware {
      func enqueue(_ tasks: [NewTask], next: NextEnqueue) async throws(TaskQueueError) -> [EnqueueResult] {
        var tasks = tasks
        for index in tasks.indices { tasks[index].headers["tenant"] = "t1" }
        return try await next(tasks)
      }
      func attempt(_ context: TaskContext, next: NextAttempt) async throws -> TaskOutcome {
        let outcome = try await next(context)
        return context.headers["tenant"] == "t1" && outcome == .completed ? .discard(reason: "by middleware") : outcome
      }
    }
    var handlers = TaskHandlers(coding: .iso8601Dates)
    try handlers.register("dated", as: [Date].self) { dates, _ in
      #expect(dates == [Date(timeIntervalSince1970: 1_000)])
      return .completed
    }
    let tester = TaskTester(store: store, handlers: handlers, middleware: [Tenant()])
    let attempt = try await tester.run([Date(timeIntervalSince1970: 1_000)], as: "dated")
    #expect(attempt.deadLetter?.detail == "by middleware")
  }

  @Test("Runs the task asked for, and leaves the others as they are")
  func oneOfMany() async throws {
    let ids = try await client.enqueue(all: (0..<5).map { Ping(number: $0) }).map(\.id)
    let delayed = try await client.enqueue(
      Ping(number: 9),
      options: .with {
        $0.schedule = .after(.seconds(60))
        $0.queue = "slow"
      }
    ).id
    let seen = Journal<Int>()
    let tester = try tester { ping, context in
      #expect(context.attempt == 1)
      seen.append(ping.number)
      return .completed
    }
    _ = try await tester.run(ids[3])
    _ = try await tester.run(delayed)
    #expect(seen.entries == [3, 9])
    #expect(try await client.tasks().map(\.attempt) == [0, 0, 0, 0])
    #expect(try await tester.runNext()?.id == ids[0])
    try await tester.drain()
    #expect(try await tester.runNext() == nil)
    #expect(seen.entries == [3, 9, 0, 1, 2, 4])
  }

  @Test("What cannot be run is said, with the reason")
  func refusals() async throws {
    let tester = try tester { _, _ in .completed }
    func message(_ body: () async throws -> Void) async -> String {
      do { try await body() } catch { return "\(error)" }
      return "no error"
    }
    let done = try await tester.run(Ping())
    #expect(await message { _ = try await tester.run(done.id) }.contains("finished"))
    let pong = try await client.enqueue(Pong()).id
    #expect(await message { _ = try await tester.run(pong) }.contains("test.pong"))
    try await client.pause(.default)
    #expect(await message { _ = try await tester.run(Ping()) }.contains("paused"))
    try await client.resume(.default)
    let plain = TaskTester(store: store, handlers: try handlers { _, _ in .completed })
    #expect(await message { try await plain.drain(within: .seconds(1)) }.contains("ManualTime"))
  }

  @Test("A handler whose lease was lost learns that its outcome counts for nothing")
  func leaseLost() async throws {
    let time = time
    let inner = try tester { _, _ in .completed }
    let tester = try tester { ping, _ in
      time.advance(by: .seconds(61))
      let second = try await inner.runNext()
      #expect(second?.attempt == 2)
      return .again
    }
    let attempt = try await tester.run(Ping())
    #expect(attempt.outcome == .again && !attempt.isRecorded && attempt.isFinished)
  }

  @Test("A task past its deadline is not started")
  func deadline() async throws {
    let tester = try tester { _, _ in
      Issue.record("it was started")
      return .completed
    }
    let attempt = try await tester.run(Ping(), options: .with { $0.deadline = time.now.addingTimeInterval(-1) })
    #expect(attempt.outcome == nil && attempt.error == nil && attempt.deadLetter?.reason == .expired)
  }

  @Test("Draining runs what handlers enqueue too, and stops at its bound with an error that says why")
  func drain() async throws {
    let client = client
    let tester = try tester { ping, _ in
      if ping.number > 0 { try await client.enqueue(Ping(number: ping.number - 1)) }
      return ping.number == 100 ? .again(after: .zero) : .completed
    }
    try await client.enqueue(Ping(number: 4))
    #expect(try await tester.drain().count == 5)
    try await client.enqueue(Ping(number: 100), options: .with { $0.priority = 1 })
    let error = await #expect(throws: TaskTesterError.self) { try await tester.drain(atMost: 10) }
    #expect(error?.description.contains("test.ping") == true)
    #expect(try await client.counts().map(\.state) == [.due])
  }

  @Test("Draining within a window moves the time to each task's due time, and to the window's end")
  func window() async throws {
    let start = time.now
    let time = time
    let minutes = Journal<Double>()
    let tester = try tester { _, _ in
      minutes.append((time.now.timeIntervalSince(start) / 60 * 100).rounded() / 100)
      return .again
    }
    try await client.enqueue(Ping())
    #expect(try await tester.drain(within: .seconds(20 * 60)).count == 5)
    #expect(minutes.entries == [0, 1, 3, 7, 15])
    let passed = time.now.timeIntervalSince(start)
    #expect(abs(passed - 20 * 60) < 0.01)
    #expect(try await tester.drain().isEmpty)
  }

  @Test("Tells what was enqueued, with payloads and options")
  func enqueued() async throws {
    try await client.enqueue(Ping(number: 1))
    let options = EnqueueOptions.with {
      $0.queue = "mail"
      $0.priority = 7
      $0.unique = UniqueKey("k")
      $0.headers = ["a": "b"]
      $0.schedule = .after(.seconds(90))
    }
    let new = try await client.enqueued(Ping.self) {
      try await client.enqueue(Ping(number: 2), options: options)
      try await client.enqueue(Pong(text: "x"))
    }
    #expect(new.map(\.payload.number) == [2])
    #expect(new.map(\.queue) == ["mail"] && new.map(\.priority) == [7] && new.map(\.uniqueKey) == ["k"])
    #expect(new.map(\.headers) == [["a": "b"]] && new.map(\.delay) == [.seconds(90)])
    #expect(try await client.enqueued(Ping.self).map(\.payload.number) == [1, 2])
    #expect(try await client.enqueued("test.pong", as: Pong.self).map(\.payload.text) == ["x"])
    try await client.enqueue(all: (0..<2_500).map { Ping(number: $0) })
    #expect(try await client.enqueued(Ping.self).count == 2_502)
  }

  @Test("Shows that a handler did not settle what it says it has settled; one that never tried to fails")
  func unsettled() async throws {
    struct Down: Error {}
    let client = client
    let tester = try tester { ping, context in
      switch ping.number {
      case 0: try? await client.withCompletion(of: context) { _ in throw Down() }
      case 1: try await client.withCompletion(of: context) { _ in }
      case 2: try await client.withTransaction { _ in }
      default: _ = context.claim
      }
      return .settledInTransaction
    }
    for number in [0, 3] {
      let open = try await tester.run(Ping(number: number))
      #expect(open.outcome == .settledInTransaction && !open.isRecorded && open.task?.state == .running)
    }
    #expect(try await tester.run(Ping(number: 1)).isRecorded)
    let forgotten = try await tester.run(Ping(number: 2))
    #expect(forgotten.isRecorded && forgotten.failures == 1)
    #expect((forgotten.error as? TaskQueueError)?.message.contains("withCompletion(of:)") == true)
  }

  @Test("A worker on the manual clock times a handler out when the time is moved")
  func manualClock() async throws {
    let time = time
    let handlers = try handlers(options: .init(maxAttempts: 1, timeout: .seconds(30))) { _, _ in
      try await time.clock.sleep(for: .seconds(3_600))
      return .completed
    }
    let worker = try TaskWorker(store: store, handlers: handlers, clock: time.clock, logger: quietLogger)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      try await client.enqueue(Ping())
      try await eventually("the handler has timed out") {
        time.advance(by: .seconds(1))
        return try await !client.deadLetters().isEmpty
      }
      group.cancelAll()
      try await group.waitForAll()
    }
    #expect(try await client.deadLetters().first?.errors.first?.message.contains("timeout") == true)
    #expect(time.sleeperCount == 0)
  }
}
