import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing

private struct Call: TaskPayload {
  static let taskType: TaskType = "call"
  var number: Int
}

@Suite("Limits and pauses in handlers")
struct RateHandlerTests {
  private let time = ManualTime()

  private func tester(
    _ handle: @escaping @Sendable (Call, TaskContext) async throws -> Void
  ) async throws -> TaskTester<InMemoryTaskStore> {
    let time = time
    let store = InMemoryTaskStore(now: { time.now })
    try await TaskClient(store: store).limits.declare([
      LimitRule("bank", rate: LimitRate(1)), LimitRule("free", concurrency: 2),
    ])
    var handlers = TaskHandlers()
    try handlers.register(Call.self, options: .init(maxAttempts: 1)) { call, context in
      try await handle(call, context)
      return .completed
    }
    return TaskTester(store: store, handlers: handlers, time: time)
  }

  @Test("S48 A handler that would have to wait for too long sends its task back until then: no attempt, no failure")
  func sentBack() async throws {
    let tester = try await tester { _, context in try await context.limit("bank", upTo: .zero) }
    #expect(try await tester.run(Call(number: 1)).outcome == .completed)
    let second = try await tester.run(Call(number: 2))
    #expect(second.outcome == .snooze(.seconds(1)))
    let waiting = try #require(second.task)
    #expect(waiting.attempt == 0 && waiting.failures == 0)
    time.advance(by: .seconds(1))
    #expect(try await tester.runNext()?.outcome == .completed)
  }

  @Test("S48 A short wait is waited for")
  func waits() async throws {
    let tester = try await tester { _, context in
      try await context.limit("bank", upTo: .zero)
      let start = ContinuousClock.now
      try await context.limit("bank", key: "other", upTo: .zero)
      try await context.limit("bank", key: "other", upTo: .seconds(60))
      // The store's clock stands still, so it says a second.
      #expect(ContinuousClock.now - start >= .milliseconds(990))
    }
    #expect(try await tester.run(Call(number: 1)).outcome == .completed)
  }

  @Test("S49 A provider's 429 closes the gate for all, also of a limit without a rate")
  func pause() async throws {
    let tester = try await tester { call, context in
      if call.number == 1 {
        try await context.pause("free", key: "a", for: .seconds(30))
        try await context.pause("bank", for: .seconds(1_000_000))
      }
    }
    #expect(try await tester.run(Call(number: 1)).outcome == .completed)
    let options = EnqueueOptions.with { $0.limit = TaskLimit("free", key: "a") }
    try await tester.client.enqueue(Call(number: 2), options: options)
    #expect(try await tester.runNext() == nil)
    time.advance(by: .seconds(31))
    #expect(try await tester.runNext()?.outcome == .completed)
    // A day at most.
    try await tester.client.enqueue(Call(number: 3), options: .with { $0.limit = TaskLimit("bank") })
    time.advance(by: .seconds(80_000))
    #expect(try await tester.runNext() == nil)
    time.advance(by: .seconds(6_400))
    #expect(try await tester.runNext()?.outcome == .completed)
  }

  @Test("S48 What cannot be is refused")
  func refused() async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    let rules = [
      LimitRule("a", rate: LimitRate(0)), LimitRule("a", rate: LimitRate(10_001)),
      LimitRule("a", rate: LimitRate(1, burst: 0)),
      LimitRule("a", rate: LimitRate(1, per: .zero)), LimitRule("a", rate: LimitRate(1), order: .ordered()),
    ]
    for rule in rules {
      let error = await #expect(throws: TaskQueueError.self) { try await client.limits.declare([rule]) }
      #expect(error?.code == .invalidOption)
    }
    #expect(LimitRule("a", rate: LimitRate(1)).concurrency == 1_000)
    #expect(throws: TaskQueueError.self) { try TaskLimit("a", weight: 0).validate() }
    let unknown = await #expect(throws: TaskQueueError.self) { try await client.limits.pause("a", for: .seconds(1)) }
    #expect(unknown?.code == .unknownLimit)
  }
}
