import Foundation
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Handlers that make effects")
struct EffectHandlerTests {
  /// Runs one task with this handler to its end and returns its dead letter, if it became one.
  private func run(
    _ store: InMemoryTaskStore,
    _ handle: @escaping @Sendable (Ping, TaskContext, TaskEffects) async throws -> TaskOutcome
  ) async throws -> DeadLetter? {
    _ = try await TaskClient(store: store).enqueue(Ping())
    try await withWorker(store) { handlers in
      let options = TaskHandlerOptions(retry: .fixed(.milliseconds(1)))
      try handlers.register(Ping.self, options: options) { ping, context in
        try await handle(ping, context, context.effects)
      }
    } _: { _ in
      try await eventually("the task ends") { try await store.tasks(after: nil, limit: 1).isEmpty }
    }
    return try await store.deadLetters(.all, after: nil, limit: 1).first
  }

  @Test("A value is recorded, and a later attempt gets it without a call")
  func success() async throws {
    let store = InMemoryTaskStore()
    let calls = Journal<Int>()
    let letter = try await run(store) { _, context, effects in
      let value = try await effects.perform("charge", request: "x") { call in
        calls.append(call.number)
        return context.attempt
      }
      return value == 1 && context.attempt == 3 ? .completed : .again
    }
    #expect(letter == nil)
    #expect(calls.entries == [1])
  }

  @Test("A temporary failure is retried by the policy, with the same key")
  func temporary() async throws {
    let store = InMemoryTaskStore()
    let keys = Journal<IdempotencyKey>()
    let letter = try await run(store) { _, _, effects in
      _ = try await effects.perform("charge", request: "x") { call in
        keys.append(call.key)
        if call.number < 3 { throw EffectFailure.temporary("429") }
        return 1
      }
      return .completed
    }
    #expect(letter == nil)
    #expect(keys.entries.count == 3)
    #expect(Set(keys.entries).count == 1)
  }

  @Test("The wait that a lookup or a call without an answer asks for is the task's")
  func retryAfter() async throws {
    for isCall in [true, false] {
      var handlers = TaskHandlers()
      try handlers.register(Ping.self) { _, context in
        let value: Int = try await context.effects.perform("charge", request: "x") { _ in
          throw isCall ? RetryAfter(.seconds(30), because: HandlerFailure()) : HandlerFailure()
        } reconcile: { _ in
          throw RetryAfter(.seconds(30), because: HandlerFailure())
        }
        return value == 1 ? .completed : .again
      }
      let time = ManualTime()
      let tester = TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: handlers)
      let first = try await tester.run(Ping())
      #expect((first.error as? EffectError)?.code == .outcomeUnknown && first.dueIn == .seconds(isCall ? 30 : 60))
      #expect(try await tester.run(first.id).dueIn == .seconds(30))
    }
  }

  @Test("A permanent failure and a parked effect make the task a dead letter at once, and say why")
  func deadLetters() async throws {
    struct Timeout: Error {}
    for (error, text) in [
      (EffectFailure.permanent("card_declined", "No money."), "card_declined"), (Timeout(), "resolve it, then redrive"),
    ] as [(any Error & Sendable, String)] {
      let store = InMemoryTaskStore()
      let calls = Journal<Int>()
      let letter = try await run(store) { _, _, effects in
        let value: Int = try await effects.perform("charge", request: "x") { call in
          calls.append(call.number)
          throw error
        }
        return value == 0 ? .completed : .again
      }
      #expect(letter?.reason == .discarded)
      #expect(letter?.detail?.contains(text) == true)
      #expect(calls.entries == [1])
    }
  }

  @Test("S29 However hasty its retries, a task is not given up while its call may still be on its way")
  func hasty() async throws {
    let store = InMemoryTaskStore()
    let calls = Journal<Int>()
    let letter = try await run(store) { _, _, effects in
      let options = EffectOptions(callLimit: .milliseconds(1_500))
      _ = try await effects.perform("charge", request: "x", options: options) { call in
        calls.append(call.number)
        if call.number == 1 { throw CancellationError() }
        return 1
      } reconcile: { _ in
        .didNotHappen
      }
      return .completed
    }
    #expect(letter == nil)
    #expect(calls.entries == [1, 2])
  }

  /// Time stands still, and every wait is over at once.
  private struct ImpatientClock: Clock {
    let now = ContinuousClock.now
    var minimumResolution: Duration { .nanoseconds(1) }
    func sleep(until deadline: ContinuousClock.Instant, tolerance: Duration?) async throws {}
  }

  @Test("A call is cancelled at its limit; what it says then counts, and else its outcome is unknown")
  func callLimit() async throws {
    let store = InMemoryTaskStore()
    _ = try await TaskClient(store: store).enqueue(all: [Ping(number: 1), Ping(number: 2)])
    let request = ClaimRequest(
      queues: [.default],
      types: [Ping.taskType],
      limit: 2,
      lease: .seconds(60),
      promotesDue: true
    )
    let tasks = try await store.exchange(settle: [], claim: request).claimed
    func effects(_ task: ClaimedTask) -> TaskEffects {
      let configuration = EffectsConfiguration(clock: ImpatientClock())
      return TaskContext(task: task, ledger: store, effects: configuration, logger: quietLogger).effects
    }
    let error = await #expect(throws: EffectError.self) {
      try await effects(tasks[0]).perform("charge", request: 1) { _ in
        try await Task.sleep(for: .seconds(3_600))
        return 1
      } reconcile: { _ in
        .stillUnknown
      }
    }
    #expect(error?.code == .outcomeUnknown)
    #expect(try await store.effects(of: tasks[0].claim.id).map(\.state) == [.unknown])
    let value = try await effects(tasks[1]).perform("charge", request: 1) { _ in
      try? await Task.sleep(for: .seconds(3_600))
      return 7
    }
    #expect(value == 7)
    #expect(try await store.effects(of: tasks[1].claim.id).map(\.state) == [.succeeded])
  }

  @Test("Options and names out of their bounds are refused before anything is stored")
  func refusals() async throws {
    let store = InMemoryTaskStore()
    let letter = try await run(store) { _, _, effects in
      for (name, options) in [
        ("", EffectOptions()), ("a\nb", .init()), ("a", .init(callLimit: .zero)),
        ("a", .init(callLimit: .seconds(3_601))),
        ("a", .init(keyLifetime: .zero)),
      ] {
        await #expect(throws: TaskQueueError.self) {
          try await effects.perform(EffectName(name), request: 1, options: options) { _ in 1 }
        }
      }
      await #expect(throws: EffectError.self) { try await effects.perform("a", request: Double.nan) { _ in 1 } }
      return .completed
    }
    #expect(letter == nil)
    #expect(try await store.effects(of: TaskID(1)).isEmpty)
  }
}
