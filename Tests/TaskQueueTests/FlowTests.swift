import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Flows")
struct FlowTests {
  @Test("The in-memory store keeps the contract of flows", arguments: FlowConformance.all)
  func conforms(to check: FlowConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  private struct Down: Error {}

  /// A tester of one handler, and its clock.
  private func tester(
    _ options: TaskHandlerOptions = .init(retry: .fixed(.seconds(10)), maxAttempts: 3),
    _ handle: @escaping @Sendable (Ping, TaskContext) async throws -> TaskOutcome
  ) throws -> (tester: TaskTester<InMemoryTaskStore>, time: ManualTime) {
    let time = ManualTime()
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: options, handle)
    return (TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: handlers, time: time), time)
  }

  // MARK: Steps

  @Test("A step runs once, and its value comes back in every attempt; nothing is left after completion")
  func once() async throws {
    let calls = Journal<String>()
    let (tester, _) = try tester { _, context in
      let first = try await context.step("a", input: 7) {
        calls.append("a")
        return [1, 2]
      }
      try await context.step("b") { calls.append("b") }
      for number in 1...3 {
        let doubled = try await context.step("page", number) {
          calls.append("page \(number)")
          return number * 2
        }
        #expect(doubled == number * 2)
      }
      #expect(first == [1, 2])
      if context.attempt < 3 { return .again(after: .zero) }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.run(id)
    #expect(try await tester.client.steps(of: id).map(\.name) == ["a", "b", "page#1", "page#2", "page#3"])
    let attempts = try await tester.drain()
    #expect(attempts.last?.isFinished == true)
    #expect(calls.entries == ["a", "b", "page 1", "page 2", "page 3"])
    #expect(try await tester.client.steps(of: id).isEmpty)
  }

  @Test("A flow whose attempt dies between any two steps runs none of them twice", arguments: 0...4)
  func crash(after steps: Int) async throws {
    let calls = Journal<Int>()
    let store = InMemoryTaskStore(now: { Date() })
    let client = TaskClient(store: store)
    let id = try await client.enqueue(Ping()).id
    let handlers = try {
      var handlers = TaskHandlers()
      try handlers.register(Ping.self) { _, context in
        for number in 1...4 { try await context.step("s", number) { calls.append(number) } }
        return .completed
      }
      return handlers
    }()
    // An attempt that dies: it has recorded, and never says how it ended.
    let request = ClaimRequest(
      queues: [.default],
      types: [Ping.taskType],
      limit: 1,
      lease: .milliseconds(50),
      promotesDue: true
    )
    let claimed = try await store.exchange(settle: [], claim: request).claimed[0]
    for number in 0..<steps {
      calls.append(number + 1)
      #expect(
        try await store.record(
          FlowStep("s#\(number + 1)", .step, place: number + 1, value: Data("true".utf8)),
          by: claimed.claim,
          repeats: false
        )
      )
    }
    try await Task.sleep(for: .milliseconds(60))
    _ = try await TaskTester(store: store, handlers: handlers).drain()
    #expect(try await client.task(id) == nil)
    #expect(calls.entries == [1, 2, 3, 4])
  }

  @Test("A name that is used twice in one attempt is an error that says to number it")
  func duplicate() async throws {
    let (tester, _) = try tester { _, context in
      try await context.step("a") {}
      try await context.step("a") {}
      return .completed
    }
    let error = try #require(try await tester.run(Ping()).error as? FlowError)
    #expect(error.code == .duplicateStep)
    #expect(error.description.contains("step(\"page\", 3)"))
  }

  @Test("A step with another input than it was recorded with fails loudly; one that became another kind, too")
  func changed() async throws {
    let attempt = Atomic<Int>(0)
    let (tester, _) = try tester { _, context in
      let number = attempt.wrappingAdd(1, ordering: .relaxed).newValue
      if number < 3 {
        try await context.step("a", input: ["x": number]) {}
      } else {
        try await context.sleep("a", for: .seconds(1))
      }
      return .again(after: .zero)
    }
    let attempts = try await tester.drain(of: Ping(), count: 3)
    #expect(attempts[0].error == nil)
    #expect((attempts[1].error as? FlowError)?.code == .inputChanged)
    #expect((attempts[2].error as? FlowError)?.code == .inputChanged)
  }

  @Test("Names, values and places that cannot be are refused")
  func refusals() async throws {
    let kept = Mutex<TaskContext?>(nil)
    let (tester, _) = try tester { _, context in
      kept.withLock { $0 = context }
      for name in ["", "~a", "a\u{1}", String(repeating: "x", count: 129)] {
        await #expect(throws: TaskQueueError.self) { try await context.step(name) {} }
      }
      let big = await #expect(throws: FlowError.self) {
        try await context.step("big") { String(repeating: "x", count: Limits.stepValueBytes) }
      }
      #expect(big?.code == .valueTooLarge)
      let nested = await #expect(throws: FlowError.self) {
        try await context.step("outer") { try await context.step("inner") {} }
      }
      #expect(nested?.code == .nestedStep)
      return .completed
    }
    #expect(try await tester.run(Ping()).isFinished)
    let context = try #require(kept.withLock { $0 })
    let late = await #expect(throws: FlowError.self) { try await context.step("late") {} }
    #expect(late?.code == .attemptEnded)
  }

  @Test("Each recorded step begins the count of failures anew, and a step's own policy decides its wait")
  func progress() async throws {
    let fails = Mutex(["a": 2, "b": 2, "c": 2])
    let (tester, _) = try tester { _, context in
      for name in ["a", "b", "c"] {
        let retry: RetryPolicy? = name == "b" ? .fixed(.seconds(77)) : nil
        try await context.step(name, retry: retry) {
          if fails.withLock({ fails in
            fails[name, default: 0] -= 1
            return fails[name, default: 0] >= 0
          }) {
            throw Down()
          }
        }
      }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let attempts = try await tester.drain(within: .seconds(600))
    #expect(attempts.map(\.failures) == [1, 2, 1, 2, 1, 2, 0])
    #expect(attempts.map(\.dueIn).compactMap(\.self) == [10, 10, 77, 77, 10, 10].map { .seconds($0) })
    #expect(try await tester.client.task(id) == nil)
  }

  @Test("A step's own maximum of attempts makes a dead letter, and a step that takes too long is cancelled")
  func stepLimits() async throws {
    let (tester, _) = try tester { _, context in
      try await context.step("a", maxAttempts: 1, timeout: .milliseconds(10)) {
        try await Task.sleep(for: .seconds(60))
      }
      return .completed
    }
    let attempt = try await tester.run(Ping())
    #expect((attempt.error as? FlowError)?.code == .stepTimedOut)
    #expect(attempt.deadLetter?.reason == .failed)
  }

  @Test("The time and the dice of the first attempt stay")
  func recordedChance() async throws {
    let seen = Journal<String>()
    let (tester, _) = try tester { _, context in
      let now = try await context.now("now")
      let number = try await context.random("dice", in: 1...1_000_000)
      seen.append("\(now.timeIntervalSince1970) \(number)")
      return context.attempt < 3 ? .again(after: .zero) : .completed
    }
    _ = try await tester.drain(of: Ping(), count: 3)
    #expect(seen.entries.count == 3 && Set(seen.entries).count == 1)
  }

  @Test("A version is true for flows that come there first, and false for those that had passed it before")
  func versions() async throws {
    let isDeployed = Atomic<Bool>(false)
    let seen = Journal<Bool>()
    let (tester, _) = try tester { ping, context in
      try await context.step("before") {}
      if isDeployed.load(ordering: .relaxed) {
        let isNew = try await context.version("change")
        if ping.number == 1 || context.attempt > 0 { seen.append(isNew) }
      }
      try await context.sleep("nap", for: .seconds(100))
      return .completed
    }
    _ = try await tester.run(Ping(number: 1))
    isDeployed.store(true, ordering: .relaxed)
    #expect(try await !tester.client.isVersionSafeToRemove("change", of: Ping.taskType))
    _ = try await tester.run(Ping(number: 2))
    _ = try await tester.drain(within: .seconds(60))
    #expect(try await !tester.client.isVersionSafeToRemove("change", of: Ping.taskType))
    _ = try await tester.drain(within: .seconds(60))
    #expect(Set(seen.entries) == [true, false])
    #expect(seen.entries.count == 3)
    #expect(try await tester.client.isVersionSafeToRemove("change", of: Ping.taskType))
  }

  @Test("A flow of 10,000 steps goes on where it was")
  func many() async throws {
    let calls = Atomic<Int>(0)
    let (tester, _) = try tester { _, context in
      for number in 1...10_000 {
        try await context.step("s", number) { calls.wrappingAdd(1, ordering: .relaxed) }
        if number == 5_000, context.attempt == 1 { return .again(after: .zero) }
      }
      return .completed
    }
    _ = try await tester.drain(of: Ping(), count: 2)
    let count = calls.load(ordering: .relaxed)
    #expect(count == 10_000)
  }

  // MARK: Waits

  @Test("A sleep ends the attempt, costs none, and goes on after its time; what swallows it changes nothing")
  func swallowed() async throws {
    let calls = Journal<String>()
    let (tester, time) = try tester { _, context in
      try? await context.sleep("nap", for: .seconds(100))
      do {
        try await context.step("after") { calls.append("after") }
      } catch {
        calls.append("left")
        throw Down()
      }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let first = try await tester.run(id)
    #expect(first.isSuspended && first.error == nil && first.outcome == nil)
    #expect(first.dueIn == .seconds(100))
    #expect(first.task?.attempt == 0 && first.failures == 0)
    time.advance(by: .seconds(99))
    // Woken too early it sleeps on, no longer than it was to.
    #expect(try await tester.run(id).dueIn == .seconds(1))
    time.advance(by: .seconds(1))
    #expect(try await tester.run(id).isFinished)
    #expect(calls.entries == ["left", "left", "after"])
  }

  @Test("Waits side by side are all remembered, and a step beside them is finished and recorded first")
  func sideBySide() async throws {
    let calls = Journal<String>()
    let (tester, _) = try tester { _, context in
      async let event: String = context.event("k", timeout: .seconds(500))
      async let nap: Void = context.sleep("nap", for: .seconds(100))
      async let slow: Int = context.step("slow") {
        for _ in 1...20 { await Task.yield() }
        try await Task.sleep(for: .milliseconds(20))
        calls.append("slow")
        return 5
      }
      let (text, _, number) = try await (event, nap, slow)
      calls.append("\(text) \(number)")
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let first = try await tester.run(id)
    #expect(first.isSuspended)
    #expect(first.dueIn == .seconds(100))
    #expect(Set(try await tester.client.steps(of: id).map(\.name)) == ["~event/k", "nap", "slow"])
    _ = try await tester.drain(within: .seconds(200))
    #expect(calls.entries == ["slow"])
    #expect(try await tester.client.emit("k", "hello"))
    #expect(try await tester.drain().last?.isFinished == true)
    #expect(calls.entries == ["slow", "hello 5"])
  }

  @Test("Steps that the handler begins beside a wait that was swallowed do not run")
  func swallowedThenChildren() async throws {
    let calls = Journal<String>()
    let (tester, _) = try tester { _, context in
      let _: Int? = try? await context.event("k")
      async let one: Void = context.step("one") { calls.append("one") }
      async let two: Void = context.sleep("nap", for: .seconds(1))
      _ = try? await (one, two)
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    #expect(try await tester.run(id).isSuspended)
    #expect(calls.entries.isEmpty)
    #expect(try await tester.client.steps(of: id).map(\.name) == ["~event/k"])
  }

  @Test("An event that does not come in time throws, and stays so when it comes later")
  func timedOut() async throws {
    let codes = Journal<FlowError.Code?>()
    let (tester, _) = try tester { _, context in
      do {
        let _: String = try await context.event("k", timeout: .seconds(100))
      } catch let error as FlowError {
        codes.append(error.code)
        return context.failures == 0 && codes.entries.count < 2 ? .again(after: .seconds(10)) : .completed
      }
      return .discard(reason: "it came")
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(105))
    #expect(codes.entries == [.timedOut])
    try await tester.client.emit("k", "late")
    _ = try await tester.drain(within: .seconds(100))
    #expect(codes.entries == [.timedOut, .timedOut])
    #expect(try await tester.client.task(id) == nil)
  }

  @Test("An event of a transaction comes if that commits, and never if it rolls back")
  func inTransaction() async throws {
    let (tester, _) = try tester { _, context in
      let number = try await context.event("k", as: Int.self)
      return number == 2 ? .completed : .discard(reason: "\(number)")
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.run(id)
    try? await tester.client.withTransaction { transaction in
      try await tester.client.emit("k", 1, in: transaction)
      throw Down()
    }
    #expect(try await tester.drain().isEmpty)
    let counted = try await tester.client.withTransaction { transaction in
      [
        try await tester.client.emit("k", 2, in: transaction), try await tester.client.emit("k", 3, in: transaction),
      ]
    }
    #expect(counted == [true, false])
    #expect(try await tester.drain().last?.isFinished == true)
    #expect(try await tester.client.task(id) == nil)
  }

  // MARK: Transactions

  @Test("What a transaction writes commits with its step, once")
  func transaction() async throws {
    let rows = Journal<String>()
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: .init(retry: .fixed(.seconds(1)))) { _, context in
      let value = try await context.transaction("hold", on: TaskClient(store: store)) { transaction in
        transaction.onCommit { rows.append("committed") }
        if context.attempt == 1 { throw Down() }
        return 7
      }
      #expect(value == 7)
      return context.attempt < 3 ? .again(after: .zero) : .completed
    }
    let tester = TaskTester(store: store, handlers: handlers, time: time)
    let id = try await tester.client.enqueue(Ping()).id
    let attempts = try await tester.drain(within: .seconds(10))
    #expect(attempts[0].error is Down)
    #expect(rows.entries == ["committed"])
    #expect(try await tester.client.task(id) == nil)
  }

  // MARK: Compensation

  /// A flow with two compensations that ends as it is told.
  private func saga(
    _ log: Journal<String>,
    failingUndo: Int = 0,
    _ end: @escaping @Sendable (TaskContext) async throws -> TaskOutcome
  ) throws -> (tester: TaskTester<InMemoryTaskStore>, time: ManualTime) {
    let left = Atomic<Int>(failingUndo)
    return try tester(.init(retry: .fixed(.seconds(10)), maxAttempts: 2)) { _, context in
      try await context.step("flight") { log.append("flight") }
      try await context.onFailure("flight") { log.append("undo flight") }
      try await context.step("hotel") { log.append("hotel") }
      try await context.onFailure("hotel") {
        if left.wrappingSubtract(1, ordering: .relaxed).newValue >= 0 { throw Down() }
        log.append("undo hotel")
      }
      let outcome = try await end(context)
      try await context.onFailure("never") { log.append("undo never") }
      return outcome
    }
  }

  private static let undone = ["flight", "hotel", "undo hotel", "undo flight"]

  @Test("A flow that fails for the last time is undone in reverse order, and is a dead letter then")
  func undoneAfterFailure() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log) { context in
      try await context.step("pay") { throw Down() }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let attempts = try await tester.drain(within: .seconds(100))
    #expect(attempts.count == 3)
    #expect(log.entries == Self.undone)
    let letter = try #require(try await tester.client.deadLetters(.init(ids: [id])).first)
    #expect(letter.reason == .failed)
    #expect(letter.errors.count == 2)
    // Redriven, it begins anew.
    try await tester.client.redrive(.init(ids: [id]))
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == Self.undone + Self.undone)
  }

  @Test("A discarded flow is undone; a compensation that fails is tried again, and none runs twice")
  func undoneAfterDiscard() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log, failingUndo: 1) { context in
      try await context.step("nothing more") { log.append("nothing more") }
      throw Discarded()
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == ["flight", "hotel", "nothing more", "undo hotel", "undo flight"])
    let letter = try #require(try await tester.client.deadLetters(.init(ids: [id])).first)
    #expect(letter.reason == .discarded && letter.detail == "no seats")
  }

  private struct Discarded: TaskOutcomeError {
    var taskOutcome: TaskOutcome? { .discard(reason: "no seats") }
  }

  @Test("A compensation that never succeeds ends as a dead letter, and redriven goes on with what is left")
  func undoneInPart() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log, failingUndo: 2) { _ in throw Discarded() }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(100))
    let letter = try #require(try await tester.client.deadLetters(.init(ids: [id])).first)
    #expect(letter.reason == .failed)
    #expect(log.entries == ["flight", "hotel"])
    try await tester.client.redrive(.init(ids: [id]))
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == Self.undone)
  }

  @Test("A flow that is cancelled while it waits is undone; so is one whose deadline passed")
  func undoneWhileWaiting() async throws {
    let log = Journal<String>()
    let (tester, time) = try saga(log) { context in
      let _: Int = try await context.event("paid")
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    #expect(try await tester.run(id).isSuspended)
    #expect(try await tester.client.cancel(id) == .requested)
    #expect(try await tester.client.cancel(id) == .requested)
    _ = try await tester.drain()
    #expect(log.entries == Self.undone)
    #expect(try await tester.client.deadLetters(.init(ids: [id])).first?.reason == .cancelled)
    let late = try await tester.client.enqueue(Ping(), options: .with { $0.deadline = time.now.addingTimeInterval(50) })
      .id
    #expect(try await tester.run(late).isSuspended)
    time.advance(by: .seconds(60))
    _ = try await tester.client.emit("paid", 1)
    _ = try await tester.drain()
    #expect(try await tester.client.deadLetters(.init(ids: [late])).first?.reason == .expired)
    #expect(log.entries == Self.undone + Self.undone)
  }

  @Test(
    "A flow that comes to nothing undoes itself, goes on with what is left after a failure, and leaves no dead letter"
  )
  func undoesItself() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log, failingUndo: 1) { context in
      try await context.undo()
      try await context.step("told") { log.append("told") }
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    let attempts = try await tester.drain(within: .seconds(100))
    #expect(attempts.count == 2)
    #expect(log.entries == Self.undone + ["told"])
    #expect(try await tester.client.deadLetters(.init(ids: [id])).isEmpty)
    #expect(try await tester.client.steps(of: id).isEmpty)
  }

  @Test("What a flow has undone itself is not undone again if it fails afterwards")
  func undoneOnce() async throws {
    let log = Journal<String>()
    let (tester, _) = try saga(log) { context in
      try await context.undo()
      throw Discarded()
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain(within: .seconds(100))
    #expect(log.entries == Self.undone)
    #expect(try await tester.client.deadLetters(.init(ids: [id])).first?.reason == .discarded)
  }

  @Test("An effect that was not made before is not made while a flow is undone")
  func noNewEffect() async throws {
    let log = Journal<String>()
    let (tester, _) = try tester { _, context in
      try await context.onFailure("a") { log.append("undo a") }
      if log.entries.isEmpty, try await context.step("gate", timeout: nil, { false }) == false {
        log.append("discarded")
        return .discard(reason: "no")
      }
      _ = try await context.effects.perform("charge", request: 1) { _ in
        log.append("charged")
        return 1
      }
      return .completed
    }
    _ = try await tester.drain(of: Ping(), count: 2)
    #expect(log.entries == ["discarded", "undo a"])
  }

  @Test("A wait that ended without its event fails for good if nobody catches that, and is undone")
  func uncaughtTimeout() async throws {
    let log = Journal<String>()
    let (tester, time) = try tester { _, context in
      try await context.onFailure("a") { log.append("undo a") }
      _ = try await context.event("never", as: Int.self, timeout: .seconds(10))
      return .completed
    }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain()
    time.advance(by: .seconds(11))
    _ = try await tester.drain()
    #expect(log.entries == ["undo a"])
    #expect(try await tester.client.deadLetters().map(\.id) == [id])
  }

  @Test("A flow that waits for ever is undone when its deadline passes")
  func deadlineWhileWaiting() async throws {
    let log = Journal<String>()
    let (tester, time) = try tester { _, context in
      try await context.onFailure("a") { log.append("undo a") }
      _ = try await context.event("never", as: Int.self)
      return .completed
    }
    let deadline = time.now.addingTimeInterval(100)
    _ = try await tester.client.enqueue(Ping(), options: .with { $0.deadline = deadline })
    _ = try await tester.drain()
    time.advance(by: .seconds(101))
    _ = try await tester.drain()
    #expect(log.entries == ["undo a"])
    #expect(try await tester.client.deadLetters().map(\.reason) == [.expired])
  }
}

extension TaskTester {
  /// Enqueues it and runs its attempts as they become due.
  fileprivate func drain<Payload: TaskPayload>(of payload: Payload, count: Int) async throws -> [TestedAttempt] {
    let id = try await client.enqueue(payload).id
    var attempts: [TestedAttempt] = []
    for _ in 0..<count { attempts.append(try await run(id)) }
    return attempts
  }
}
