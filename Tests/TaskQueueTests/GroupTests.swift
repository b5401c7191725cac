import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

/// A flow of the tests.
private struct Parent: TaskPayload {
  static let taskType: TaskType = "test.parent"
  var number = 0
}

@Suite("Children and groups")
struct GroupTests {
  @Test("The in-memory store keeps the contract of groups", arguments: GroupConformance.all)
  func conforms(to check: GroupConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  /// Parents as told, and children that return twice their number; those with a negative one are discarded.
  private func tester(
    _ handle: @escaping @Sendable (TaskContext) async throws -> TaskOutcome
  ) throws -> (tester: TaskTester<InMemoryTaskStore>, time: ManualTime) {
    let time = ManualTime()
    var handlers = TaskHandlers()
    let options = TaskHandlerOptions(retry: .fixed(.seconds(10)), maxAttempts: 2)
    try handlers.register(Parent.self, options: options) { _, context in try await handle(context) }
    try handlers.register(Ping.self, options: options) { ping, _ in
      if ping.number < 0 { return .discard(reason: "negative") }
      return try .completed(result: 2 * ping.number)
    }
    return (TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: handlers, time: time), time)
  }

  @Test("A child is enqueued once, and its value comes back in every attempt")
  func child() async throws {
    let seen = Journal<String>()
    let (tester, _) = try tester { context in
      let child = try await context.child("double", Ping(number: 21))
      let value = try await child.value(as: Int.self)
      try await child.finish()
      seen.append("\(child.id) \(value)")
      return context.attempt < 3 ? .again(after: .zero) : .completed
    }
    let id = try await tester.client.enqueue(Parent()).id
    #expect(try await tester.run(id).isSuspended)
    _ = try await tester.drain()
    #expect(seen.entries == Array(repeating: "\(id.rawValue + 1) 42", count: 3))
    #expect(try await tester.client.task(id) == nil)
    #expect(try await tester.client.steps(of: id).isEmpty)
  }

  @Test("A child that ended before its parent waits is no wait at all")
  func endedBefore() async throws {
    let attempts = Atomic<Int>(0)
    let (tester, _) = try tester { context in
      attempts.wrappingAdd(1, ordering: .relaxed)
      let child = try await context.child("double", Ping(number: 1))
      if context.attempt == 1 { return .again(after: .seconds(60)) }
      let value = try await child.value(as: Int.self)
      return value == 2 ? .completed : .discard(reason: "\(value)")
    }
    let id = try await tester.client.enqueue(Parent()).id
    _ = try await tester.drain(within: .seconds(100))
    #expect(try await tester.client.task(id) == nil)
    let count = attempts.load(ordering: .relaxed)
    #expect(count == 2)
  }

  @Test("A dead child is an error with its type, id and reason, and stays so when it is redriven")
  func dead() async throws {
    let errors = Journal<String>()
    let ids = Journal<TaskID>()
    let (tester, _) = try tester { context in
      let child = try await context.child("negative", Ping(number: -1))
      ids.append(child.id)
      do { _ = try await child.value(as: Int.self) } catch let error as TaskResultError {
        errors.append(
          "\(error.code) \(error.type?.description ?? "") \(error.task) \(error.reason?.rawValue ?? "") \(error.detail ?? "")"
        )
        return errors.entries.count == 1 ? .again(after: .seconds(60)) : .completed
      }
      return .discard(reason: "no error")
    }
    let id = try await tester.client.enqueue(Parent()).id
    _ = try await tester.drain(within: .seconds(1))
    let child = try #require(ids.entries.first)
    _ = try await tester.client.redrive(.init(ids: [child]))
    _ = try await tester.drain(within: .seconds(100))
    #expect(errors.entries == Array(repeating: "dead \(Ping.taskType) \(child) discarded negative", count: 2))
    #expect(try await tester.client.task(id) == nil)
  }

  @Test("Children come back all together, in the order of their payloads; without any there is no wait")
  func all() async throws {
    let seen = Journal<[Int]>()
    let (tester, _) = try tester { context in
      let none = try await context.children("none", [Ping]())
      #expect(try await none.all(as: Int.self) == [])
      #expect(none.group == nil)
      let values = try await context.children("some", (1...50).map { Ping(number: $0) }, atMost: 7).all(as: Int.self)
      seen.append(values)
      return try .completed(result: values.reduce(0, +))
    }
    let id = try await tester.client.enqueue(Parent()).id
    let attempts = try await tester.drain()
    #expect(seen.entries == [(1...50).map { 2 * $0 }])
    #expect(try await tester.client.result(of: id) == 2_550)
    // The parent came twice: not once for each child.
    #expect(attempts.count == 52)
  }

  @Test("A thousand children and one failure: the failure is thrown when all have ended; results has each")
  func failures() async throws {
    let seen = Journal<String>()
    let (tester, _) = try tester { context in
      let children = try await context.children("some", (1...1_000).map { Ping(number: $0 == 500 ? -1 : $0) })
      let results = try await children.results(as: Int.self)
      seen.append("\(results.count) \(results.filter { (try? $0.result.get()) == nil }.map(\.index))")
      do { _ = try await children.all(as: Int.self) } catch let error as TaskResultError {
        seen.append("\(error.code)")
      }
      let progress = try #require(try await children.progress())
      seen.append("\(progress.completed) \(progress.failed)")
      return .completed
    }
    _ = try await tester.client.enqueue(Parent())
    _ = try await tester.drain(atMost: 2_000)
    #expect(seen.entries == ["1000 [499]", "dead", "999 1"])
  }

  @Test("The first that completes is the same in every attempt; dead ones are passed over")
  func first() async throws {
    let seen = Journal<String>()
    let (tester, _) = try tester { context in
      let children = try await context.children(
        "race",
        [Ping(number: -1), Ping(number: 5), Ping(number: 6)],
        atMost: 1
      )
      let first = try await children.first(as: Int.self)
      seen.append("\(first.index) \(first.value)")
      let hopeless = try await context.children("hopeless", [Ping(number: -1), Ping(number: -2)])
      do { _ = try await hopeless.first(as: Int.self) } catch let error as TaskResultError {
        seen.append("\(error.code)")
      }
      return seen.entries.count < 6 ? .again(after: .zero) : .completed
    }
    let id = try await tester.client.enqueue(Parent()).id
    _ = try await tester.drain()
    #expect(Set(seen.entries) == ["1 10", "dead"])
    #expect(try await tester.client.task(id) == nil)
  }

  @Test("Each is handed over as it comes, in parts; a part is not handed over again once it is recorded")
  func asTheyCome() async throws {
    let seen = Journal<Int>()
    let attempts = Atomic<Int>(0)
    let (tester, _) = try tester { context in
      attempts.wrappingAdd(1, ordering: .relaxed)
      let children = try await context.children("some", (0..<200).map { Ping(number: $0) }, atMost: 10)
      try await children.forEach(as: Int.self) { end in seen.append(end.index) }
      return .completed
    }
    let id = try await tester.client.enqueue(Parent()).id
    _ = try await tester.drain()
    #expect(try await tester.client.task(id) == nil)
    #expect(seen.entries.sorted() == Array(0..<200))
    let count = attempts.load(ordering: .relaxed)
    #expect((2...23).contains(count), "\(count)")
  }

  @Test("A wait for children does not make a version out of date")
  func version() async throws {
    let seen = Journal<Bool>()
    let (tester, _) = try tester { context in
      let children = try await context.children("some", [Ping(number: 1), Ping(number: 2)], atMost: 1)
      if seen.entries.isEmpty, try await children.progress()?.ended != 2 { _ = try await children.first(as: Int.self) }
      _ = try await children.all(as: Int.self)
      seen.append(try await context.version("new"))
      return .completed
    }
    _ = try await tester.client.enqueue(Parent())
    _ = try await tester.drain()
    #expect(seen.entries == [true])
  }

  @Test("A flow that is undone leaves its children alone, and needs no new ones")
  func undone() async throws {
    let log = Journal<String>()
    let (tester, _) = try tester { context in
      try await context.onFailure("undo") { log.append("undone") }
      _ = try await context.child("one", Ping(number: 1)).value(as: Int.self)
      if context.failures < 5 { throw CancellationError() }
      _ = try await context.child("two", Ping(number: 2)).value(as: Int.self)
      return .completed
    }
    let id = try await tester.client.enqueue(Parent()).id
    let attempts = try await tester.drain(within: .seconds(100))
    #expect(log.entries == ["undone"])
    #expect(try await tester.client.deadLetters(.init(ids: [id])).count == 1)
    #expect(attempts.count { $0.type == Ping.taskType } == 1)
  }

  @Test("What no group can be is refused, and so are events with the library's keys")
  func refusals() async throws {
    let codes = Journal<String>()
    let (tester, _) = try tester { context in
      for (atMost, options) in [
        (0, EnqueueOptions()), (1, .with { $0.schedule = .after(.seconds(1)) }),
        (nil, .with { $0.unique = UniqueKey("u") }),
      ] {
        do { _ = try await context.children("x", [Ping()], atMost: atMost, options: options) } catch let error
          as TaskQueueError
        {
          codes.append("\(error.code)")
        }
      }
      return .completed
    }
    _ = try await tester.run(Parent())
    #expect(codes.entries == Array(repeating: "invalidOption", count: 3))
    let client = tester.client
    await #expect(throws: TaskQueueError.self) { try await client.emit("~ended/1/1", 1) }
    let unique = try client.newTask(Ping(), options: .with { $0.unique = UniqueKey("u") })
    await #expect(throws: TaskQueueError.self) { try await client.enqueueGroup([unique]) }
    await #expect(throws: TaskQueueError.self) { try await client.enqueueGroup([], atMost: 0) }
    #expect(try await client.progress(of: GroupID(99)) == nil)
  }

  @Test("A group's callback runs when all have ended, and finds how; a rollback leaves neither")
  func callback() async throws {
    struct Down: Error {}
    let seen = Journal<String>()
    let client = Mutex<TaskClient<InMemoryTaskStore>?>(nil)
    let (tester, _) = try tester { context in
      guard let group = context.group, let client = client.withLock({ $0 }) else { return .discard(reason: "no group") }
      let results = try await client.results(of: group, as: Int.self, limit: 1_000)
      let values = results.compactMap { try? $0.result.get() }.sorted()
      let progress = try await client.progress(of: group)
      seen.append("\(values) \(progress?.completed ?? 0) \(progress?.failed ?? 0)")
      return .completed
    }
    client.withLock { $0 = tester.client }
    let members = try await tester.client.newTasks([1, 2, -3].map { Ping(number: $0) })
    try? await tester.client.withTransaction { transaction in
      _ = try await tester.client.enqueueGroup(members, then: tester.client.newTask(Parent()), in: transaction)
      throw Down()
    }
    #expect(try await tester.drain().isEmpty)
    let group = try await tester.client.enqueueGroup(members, atMost: 1, then: tester.client.newTask(Parent()))
    _ = try await tester.drain()
    #expect(seen.entries == ["[2, 4] 2 1"])
    #expect(try await tester.client.progress(of: group)?.finishedAt != nil)
  }

  @Test("What waits for its turn, or for all others, says so")
  func explained() async throws {
    let client = TaskClient(store: InMemoryTaskStore())
    let members = try await client.newTasks([1, 2].map { Ping(number: $0) })
    let group = try await client.enqueueGroup(members, atMost: 1, then: client.newTask(Parent()))
    #expect(try await client.explain(TaskID(1)).cause == .noWorker(.default))
    #expect(try await client.explain(TaskID(2)).cause == .turn(group, isCallback: false))
    #expect(try await client.explain(TaskID(3)).cause == .turn(group, isCallback: true))
  }

  @Test("Members that are cancelled before their turn make no room for more than may run")
  func endedBeforeTheirTurn() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let members = try await client.newTasks((1...40).map { Ping(number: $0) })
    let group = try await client.enqueueGroup(members, atMost: 2)
    for id in 20...35 { _ = try await client.cancel(TaskID(Int64(id))) }
    let claim = ClaimRequest(
      queues: [.default],
      types: [Ping.taskType],
      limit: 100,
      lease: .seconds(60),
      promotesDue: true
    )
    var ended = 16
    while ended < 40 {
      let claimed = try await store.exchange(settle: [], claim: claim).claimed
      try #require((1...2).contains(claimed.count))
      _ = try await store.exchange(settle: claimed.map { Settlement($0.claim, .conclude(Conclusion())) }, claim: nil)
      ended += claimed.count
    }
    let progress = try #require(try await client.progress(of: group))
    #expect((progress.completed, progress.failed) == (24, 16))
  }
}
