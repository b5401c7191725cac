import Foundation
import Logging
import Synchronization
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@testable import TaskQueue

@Suite("S51 Many tasks, one call of the handler, an outcome each")
struct BatchHandlerTests {
  private let store = InMemoryTaskStore()
  private var client: TaskClient<InMemoryTaskStore> { TaskClient(store: store) }

  @Test("Batches form while others run, none is larger than it may be, and every task is handled once")
  func forms() async throws {
    try await client.enqueue(all: (0..<500).map { Ping(number: $0) })
    let batches = Mutex<[[Int]]>([])
    try await withWorker(store) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 40, atATime: 1) { tasks, _ in
        try await Task.sleep(for: .milliseconds(5))
        batches.withLock { $0.append(tasks.map(\.payload.number)) }
      }
    } _: { _ in
      try await eventually("all are done", within: .seconds(60)) { try await client.counts().isEmpty }
    }
    let sizes = batches.withLock { $0.map(\.count) }
    #expect(sizes.max() ?? 0 <= 40 && sizes.count < 250)
    #expect(batches.withLock { $0.flatMap(\.self).sorted() } == Array(0..<500))
  }

  @Test(
    "Each task ends as it was told; the others complete, or fail with what the handler throws",
    arguments: [false, true]
  )
  func outcomes(throwing: Bool) async throws {
    try await client.enqueue(all: (0..<4).map { Ping(number: $0) })
    let options = TaskHandlerOptions(retry: .fixed(.seconds(600)), maxAttempts: 1)
    try await withWorker(store) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 10, atATime: 1, gathering: .milliseconds(300), options: options) {
        tasks,
        batch in
        for task in tasks where task.payload.number == 0 { batch.settle(task, .discard(reason: "unwanted")) }
        for task in tasks where task.payload.number == 1 { batch.fail(task, HandlerFailure()) }
        for task in tasks where task.payload.number == 2 { batch.settle(task, .completed) }
        if throwing { throw HandlerFailure(description: "all of it") }
      }
    } _: { _ in
      try await eventually("all are done", within: .seconds(60)) { try await client.counts().isEmpty }
    }
    let dead = try await client.deadLetters().sorted { $0.id < $1.id }
    #expect(dead.map(\.reason) == [.discarded, .failed] + (throwing ? [.failed] : []))
    #expect(dead.last?.errors.last?.message.contains(throwing ? "all of it" : "provider") == true)
  }

  @Test("A call that ignores its cancellation keeps its place for a grace, not for ever")
  func stray() async throws {
    try await client.enqueue(Ping(number: 0))
    let options = TaskHandlerOptions(retry: .fixed(.seconds(600)), timeout: .milliseconds(200))
    let end = AsyncStream<Void>.makeStream()
    let done = Mutex<[Int]>([])
    try await withWorker(store) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 10, atATime: 1, options: options) { tasks, _ in
        if tasks[0].payload.number == 0 { await Task.detached { for await _ in end.stream {} }.value }
        done.withLock { $0 += tasks.map(\.payload.number) }
      }
    } _: { _ in
      // Enqueued when the place is free again: those that wait in vain fail by the same timeout.
      try await eventually("the next ones run", within: .seconds(60)) {
        try await client.enqueue(Ping(number: 1))
        try await Task.sleep(for: .milliseconds(100))
        return done.withLock { $0.contains(1) }
      }
      #expect(done.withLock { !$0.contains(0) })
      end.continuation.finish()
    }
  }

  @Test("The handler is cancelled once all its tasks are, by their timeout; they are retried each by its own")
  func timeout() async throws {
    try await client.enqueue(all: (0..<3).map { Ping(number: $0) })
    let options = TaskHandlerOptions(maxAttempts: 1, timeout: .milliseconds(300))
    let cancelled = Mutex(0)
    try await withWorker(store) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 10, options: options) { tasks, batch in
        do { try await Task.sleep(for: .seconds(100)) } catch {
          #expect(tasks.allSatisfy { batch.isCancelled($0) })
          cancelled.withLock { $0 += tasks.count }
          throw error
        }
      }
    } _: { _ in
      try await eventually("all are dead", within: .seconds(60)) { try await client.deadLetters().count == 3 }
    }
    // Those that never got into a batch before their time was up count as well.
    #expect(cancelled.withLock(\.self) > 0)
  }

  @Test("Tasks are completed in one transaction; what throws rolls back all of them")
  func transaction() async throws {
    try await client.enqueue(all: (0..<20).map { Ping(number: $0) })
    let tries = Mutex(0)
    let done = Mutex<[Int]>([])
    let client = client
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(1)))
    try await withWorker(store) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 100, options: options) { tasks, batch in
        try await client.withCompletion(of: tasks, in: batch) { _, tasks in
          let isFirst = tries.withLock { tries in
            tries += 1
            return tries == 1
          }
          if isFirst { throw HandlerFailure() }
          done.withLock { $0 += tasks.map(\.payload.number) }
        }
      }
    } _: { _ in
      try await eventually("all are done", within: .seconds(60)) { try await client.counts().isEmpty }
    }
    #expect(done.withLock { $0.sorted() } == Array(0..<20))
  }

  @Test("Two workers with the same handlers have batches of their own")
  func workers() async throws {
    let batches = Journal<Set<Int>>()
    var handlers = TaskHandlers()
    try handlers.registerBatch(Ping.self, upTo: 10, atATime: 1, gathering: .seconds(1)) { tasks, _ in
      batches.append(Set(tasks.map { $0.payload.number % 2 }))
    }
    let stores = [InMemoryTaskStore(), InMemoryTaskStore()]
    for (parity, store) in stores.enumerated() {
      try await TaskClient(store: store).enqueue(all: (0..<5).map { Ping(number: 2 * $0 + parity) })
    }
    try await withWorker(stores[0], handlers: handlers) { _ in
      try await withWorker(stores[1], handlers: handlers) { _ in
        try await eventually("all are done", within: .seconds(60)) {
          for store in stores where try await !TaskClient(store: store).counts().isEmpty { return false }
          return true
        }
      }
    }
    #expect(batches.entries.allSatisfy { $0.count == 1 })
  }

  @Test("What is said of a task of another batch is not said of this one's")
  func otherBatch() async throws {
    let kept = Journal<BatchTask<Ping>>()
    try await withWorker(store) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 1, atATime: 1) { tasks, batch in
        for task in kept.entries {
          batch.settle(task, .discard(reason: "of another batch"))
          batch.fail(task, HandlerFailure())
        }
        kept.append(tasks[0])
      }
    } _: { _ in
      for number in 0...1 {
        try await client.enqueue(Ping(number: number))
        try await eventually("it is done", within: .seconds(60)) { try await client.counts().isEmpty }
      }
    }
    #expect(kept.entries.count == 2)
    #expect(try await client.deadLetters().isEmpty)
  }

  @Test("Batches that a worker never runs as large as they may be are told", arguments: [(10, nil), (100, 10)])
  func tooLarge(concurrency: Int, maximum: Int?) throws {
    var handlers = TaskHandlers()
    try handlers.registerBatch(Ping.self, upTo: 11, options: .init(maxConcurrent: maximum)) { _, _ in }
    try handlers.registerBatch(Pong.self, upTo: 10) { _, _ in }
    #expect(handlers.entries[Ping.taskType]?.unreachedBatchSize(slots: concurrency) == 11)
    #expect(handlers.entries[Pong.taskType]?.unreachedBatchSize(slots: concurrency) == nil)
    let event = EngineEvent.batchesAboveSlots([Ping.taskType: 11])
    #expect(event.level == .warning)
    #expect(event.metadata[LogKey.types] == ["test.ping (11)"])
  }

  @Test("A shutdown hands back what a batch holds that does not end")
  func shutdown() async throws {
    try await client.enqueue(all: (0..<5).map { Ping(number: $0) })
    let began = Mutex(false)
    let configuration = quickConfiguration { $0.shutdownGrace = .milliseconds(50) }
    try await withWorker(store, configuration) { handlers in
      try handlers.registerBatch(Ping.self, upTo: 10, atATime: 1) { _, _ in
        began.withLock { $0 = true }
        try await Task.sleep(for: .seconds(100))
      }
    } _: { _ in
      try await eventually("it is at work", within: .seconds(60)) { began.withLock(\.self) }
    }
    let counts = try await client.counts()
    #expect(counts.reduce(0) { $0 + $1.count } == 5)
    #expect(try await client.deadLetters().isEmpty)
  }

  @Test("The test kit runs a task as a batch of one")
  func tester() async throws {
    var handlers = TaskHandlers()
    try handlers.registerBatch(Ping.self, upTo: 10) { tasks, batch in
      for task in tasks where task.payload.number > 0 { batch.settle(task, .again(after: .seconds(5))) }
    }
    #expect(try await handlers.runOnce(Ping()).outcome == .completed)
    #expect(try await handlers.runOnce(Ping(number: 1)).outcome == .again(after: .seconds(5)))
    #expect(throws: TaskQueueError.self) { try handlers.registerBatch(Pong.self, upTo: 0) { _, _ in } }
  }
}
