import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("Results")
struct ResultTests {
  @Test("The in-memory store keeps the contract of histories", arguments: HistoryConformance.all)
  func conforms(to check: HistoryConformance.Check) async throws { try await check.run(on: InMemoryStoreHarness()) }

  private func tester(
    _ options: TaskHandlerOptions = .init(),
    _ handle: @escaping @Sendable (Ping, TaskContext) async throws -> TaskOutcome
  ) throws -> (tester: TaskTester<InMemoryTaskStore>, time: ManualTime) {
    let time = ManualTime()
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: options, handle)
    return (TaskTester(store: InMemoryTaskStore(now: { time.now }), handlers: handlers, time: time), time)
  }

  private func code(_ body: () async throws -> some Sendable) async -> TaskResultError.Code? {
    do { _ = try await body() } catch { return (error as? TaskResultError)?.code }
    return nil
  }

  @Test("What a handler returns is there for as long as the enqueue, the type, or else the rule says", arguments: 0...2)
  func kept(way: Int) async throws {
    let (tester, time) = try tester(.init(retain: way == 1 ? .seconds(500) : nil)) { ping, _ in
      try .completed(result: [ping.number, 7])
    }
    let options = EnqueueOptions.with { $0.retain = way == 0 ? .seconds(500) : nil }
    let id = try await tester.client.enqueue(Ping(number: 1), options: options).id
    #expect(await code { try await tester.client.result(of: id, as: [Int].self) } == .timedOut)
    #expect(try await tester.run(id).isFinished)
    #expect(try await tester.client.result(of: id) == [1, 7])
    #expect(await code { try await tester.client.result(of: id, as: String.self) } == .unreadable)
    time.advance(by: .seconds(way == 2 ? 86_399 : 499))
    #expect(try await tester.client.result(of: id) == [1, 7])
    time.advance(by: .seconds(2))
    #expect(await code { try await tester.client.result(of: id, as: [Int].self) } == .notKept)
  }

  @Test("A task that returns nothing is kept if it is to be, and leaves nothing if not")
  func nothing() async throws {
    let (tester, _) = try tester { _, _ in .completed }
    let kept = try await tester.client.enqueue(Ping(), options: .with { $0.retain = .seconds(60) }).id
    let plain = try await tester.client.enqueue(Ping()).id
    _ = try await tester.drain()
    #expect(try await tester.client.result(of: kept, as: Int?.self) == nil)
    #expect(await code { try await tester.client.result(of: kept, as: Int.self) } == .noResult)
    #expect(await code { try await tester.client.result(of: plain, as: Int?.self) } == .notKept)
    #expect(await code { try await tester.client.result(of: TaskID(9_999), as: Int?.self) } == .unknownTask)
  }

  @Test("A dead letter says its reason, its type, and in whose words")
  func dead() async throws {
    let (tester, _) = try tester { _, _ in .discard(reason: "not wanted") }
    let id = try await tester.client.enqueue(Ping()).id
    _ = try await tester.run(id)
    let error = await #expect(throws: TaskResultError.self) { try await tester.client.result(of: id, as: Int.self) }
    #expect(error?.code == .dead && error?.reason == .discarded && error?.detail == "not wanted")
    #expect(error?.type == Ping.taskType && error?.task == id)
  }

  @Test("Results and retentions that cannot be are refused, in words")
  func refusals() async throws {
    let big = #expect(throws: TaskQueueError.self) {
      try TaskOutcome.completed(result: String(repeating: "x", count: Limits.resultBytes))
    }
    #expect(big?.code == .payloadTooLarge)
    let none = #expect(throws: TaskQueueError.self) { try TaskOutcome.completed(result: Double.nan) }
    #expect(none?.code == .encodingFailed)
    for retain in [Duration.zero, .seconds(-1), .seconds(367 * 86_400)] {
      #expect(throws: TaskQueueError.self) { try EnqueueOptions.with { $0.retain = retain }.validate() }
      #expect(throws: TaskQueueError.self) { try self.tester(.init(retain: retain)) { _, _ in .completed } }
    }
    let (tester, _) = try tester { _, _ in try .completed(result: String(repeating: "x", count: 300_000)) }
    let attempt = try await tester.run(Ping())
    #expect((attempt.error as? TaskQueueError)?.code == .payloadTooLarge)
    #expect(attempt.failures == 1)
  }

  @Test("A result that is settled in a transaction is there if that commits, and not if it rolls back")
  func inTransaction() async throws {
    struct Down: Error {}
    let time = ManualTime()
    let client = TaskClient(store: InMemoryTaskStore(now: { time.now }))
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: .init(retry: .fixed(.seconds(1)))) { _, context in
      try await client.withTransaction { transaction in
        try await client.settle(context, .completed(result: context.attempt), in: transaction)
        if context.attempt == 1 { throw Down() }
      }
      return .settledInTransaction
    }
    let tester = TaskTester(store: client.store, handlers: handlers, time: time)
    let id = try await client.enqueue(Ping()).id
    _ = try await tester.run(id)
    #expect(await code { try await client.result(of: id, as: Int.self) } == .timedOut)
    _ = try await tester.drain(within: .seconds(10))
    #expect(try await client.result(of: id) == 2)
  }

  @Test("Tasks of a batch that are kept are kept, each by itself")
  func batch() async throws {
    let time = ManualTime()
    let client = TaskClient(store: InMemoryTaskStore(now: { time.now }))
    var handlers = TaskHandlers()
    try handlers.registerBatch(Ping.self, upTo: 10, options: .init(retain: .seconds(60))) { tasks, batch in
      try await client.withCompletion(of: tasks, in: batch) { _, _ in }
    }
    let tester = TaskTester(store: client.store, handlers: handlers, time: time)
    let ids = try await client.enqueue(all: (1...3).map { Ping(number: $0) }).map(\.id)
    _ = try await tester.drain()
    for id in ids { #expect(try await client.result(of: id, as: Int?.self) == nil) }
  }
}
