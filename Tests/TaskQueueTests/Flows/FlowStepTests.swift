import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Flows: steps")
struct FlowStepTests {
  @Test("The in-memory store keeps the contract of flows", arguments: FlowConformance.all)
  func conforms(to check: FlowConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  @Test("A step runs once, and its value comes back in every attempt; nothing is left after completion")
  func once() async throws {
    let calls = Journal<String>()
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
    let (tester, _) = try TaskTester.flow { ping, context in
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
    let (tester, _) = try TaskTester.flow { _, context in
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
}
