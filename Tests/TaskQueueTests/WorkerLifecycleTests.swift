import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("The worker claims, renews, cancels and shuts down")
struct WorkerLifecycleTests {
  @Test("S5 A handler that outlives its lease keeps it by heartbeat")
  func renews() async throws {
    let store = InMemoryTaskStore()
    let runs = Journal<Int>()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    let configuration = quickConfiguration {
      $0.lease = .milliseconds(1_500)
      $0.concurrency = 2
    }
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, context in
        runs.append(context.attempt)
        try await Task.sleep(for: .seconds(4))
        return .completed
      }
    } _: { _ in
      try await eventually("it is done") { try await store.task(id) == nil }
    }
    #expect(runs.entries == [1])
  }

  @Test("S5 A handler whose lease is lost is cancelled, and its outcome changes nothing")
  func leaseLost() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let wasCancelled = Journal<Bool>()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    let thief = ClaimRequest(
      queues: [.default],
      types: [Ping.taskType],
      limit: 1,
      lease: .seconds(600),
      promotesDue: true
    )
    let stolen = Mutex<Claim?>(nil)
    try await withWorker(store, quickConfiguration { $0.lease = .seconds(1) }) { handlers in
      try handlers.register(Ping.self) { _, _ in
        // The worker is paused past its lease, and another one takes over.
        time.advance(by: .seconds(2))
        let claimed = try await store.exchange(settle: [], claim: thief).claimed
        stolen.withLock { $0 = claimed.first?.claim }
        do { try await Task.sleep(for: .seconds(60)) } catch { wasCancelled.append(true) }
        return .completed
      }
    } _: { _ in
      try await eventually("the handler is cancelled") { wasCancelled.entries == [true] }
    }
    #expect(try await store.task(id)?.state == .running)
    let claim = try #require(stolen.withLock { $0 })
    #expect(try await store.exchange(settle: [Settlement(claim, .complete)], claim: nil).applied == [true])
  }

  @Test("S5 A handler that runs out of its own time is cancelled, and that is a failure")
  func timesOut() async throws {
    let store = InMemoryTaskStore()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self, options: .init(timeout: .milliseconds(50))) { _, _ in
        try await Task.sleep(for: .seconds(60))
        return .completed
      }
    } _: { _ in
      try await eventually("the failure is recorded") { try await store.task(id)?.failures == 1 }
    }
    #expect(try await store.task(id)?.errors.first?.errorType.hasSuffix("TaskTimedOut") == true)
  }

  @Test("S8 An unknown type is left for a worker that knows it")
  func unknownType() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    let pong = try await client.enqueue(Pong(text: "later")).id
    let ping = try await client.enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      try await eventually("the known one is done") { try await store.task(ping) == nil }
    }
    let left = try #require(try await store.task(pong))
    #expect((left.state, left.attempt) == (.due, 0))
    try await withWorker(store) { handlers in
      try handlers.register(Pong.self) { _, _ in .completed }
    } _: { _ in
      try await eventually("the new worker did it") { try await store.task(pong) == nil }
    }
  }

  @Test("S20 A worker without free handlers claims nothing, and claims again as soon as one frees")
  func backPressure() async throws {
    let store = InMemoryTaskStore()
    let gate = Signals()
    _ = try await TaskClient(store: store).enqueue(all: (1...6).map { Ping(number: $0) })
    let configuration = quickConfiguration {
      $0.concurrency = 2
      $0.maxPrefetch = 0
    }
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, _ in
        await gate.wait()
        return .completed
      }
    } _: { _ in
      try await eventually("two run") { try await count(.running, in: store) == 2 }
      #expect(try await count(.due, in: store) == 4)
      gate.open(1)
      try await eventually("the next one runs") {
        let (running, ready) = (try await count(.running, in: store), try await count(.due, in: store))
        return running == 2 && ready == 3
      }
      gate.open(5)
      try await eventually("all are done") { try await store.tasks(after: nil, limit: 10).isEmpty }
    }
  }

  @Test("S21 An outcome that the store refuses does not hold up the others")
  func poisonedOutcome() async throws {
    let inner = InMemoryTaskStore()
    let store = FaultyStore(inner)
    let results = try await TaskClient(store: store).enqueue(all: (1...20).map { Ping(number: $0) })
    let poisoned = results[10].id
    store.setFault { settlements in
      settlements.contains { $0.claim.id == poisoned }
        ? TaskQueueError(.storeFailed, "invalid byte sequence", isRetrySafe: false) : nil
    }
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      try await eventually("all others are done") {
        try await inner.tasks(after: nil, limit: 100).map(\.id) == [poisoned]
      }
    }
  }

  @Test("S22, S23 Looks at an empty queue get rarer, up to the longest interval; a slow machine only looks less often")
  func idles() async throws {
    let inner = InMemoryTaskStore()
    let store = FaultyStore(inner)
    let looks = Mutex(0)
    store.setFault { _ in
      looks.withLock { $0 += 1 }
      return nil
    }
    var configuration = TaskWorkerConfiguration()
    configuration.queues = (1...10).map { QueueName("queue-\($0)") }
    configuration.maxPollInterval = .milliseconds(200)
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      try await Task.sleep(for: .seconds(2))
    }
    // 1, 2, 4 … 128 ms are 8 looks, twice because of the listener's first hint; then at most one per 180 ms.
    #expect(looks.withLock { $0 } <= 2 * 9 + 13)
  }

  @Test("S24 Cancelling a running task tells its handler and leaves a dead letter")
  func cancelsRunning() async throws {
    let store = InMemoryTaskStore()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, _ in
        try await Task.sleep(for: .seconds(600))
        return .completed
      }
    } _: { _ in
      try await eventually("it runs") { try await store.task(id)?.state == .running }
      #expect(try await store.cancel(id) == .requested)
      try await eventually("it is dead") { try await store.deadLetters(.all, after: nil, limit: 1).count == 1 }
    }
    #expect(try await store.deadLetters(.all, after: nil, limit: 1)[0].reason == .cancelled)
  }

  @Test("S25 A paused queue is not worked on until it is resumed")
  func pauses() async throws {
    let store = InMemoryTaskStore()
    let client = TaskClient(store: store)
    try await client.pause(.default)
    let id = try await client.enqueue(Ping()).id
    let other = try await client.enqueue(Ping(), options: .with { $0.queue = "other" }).id
    try await withWorker(store, quickConfiguration { $0.queues = [.default, "other"] }) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      try await eventually("the other queue is served") { try await store.task(other) == nil }
      #expect(try await store.task(id)?.state == .due)
      try await client.resume(.default)
      try await eventually("the queue is served again") { try await store.task(id) == nil }
    }
  }

  @Test("S26 Shutdown waits for running handlers and records their outcomes")
  func shutdownWaits() async throws {
    let store = InMemoryTaskStore()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    let gate = Signals()
    let started = Journal<TaskID>()
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { _, context in
        started.append(context.id)
        await gate.wait()
        return .completed
      }
    } _: { worker in
      try await eventually("it runs") { started.entries == [id] }
      worker.shutDown()
      gate.open(1)
    }
    #expect(try await store.task(id) == nil)
  }

  @Test("S26 After the grace time handlers are cancelled and their tasks handed back unharmed, due at once")
  func shutdownHandsBack() async throws {
    let store = InMemoryTaskStore()
    let results = try await TaskClient(store: store).enqueue(all: (1...5).map { Ping(number: $0) })
    let configuration = quickConfiguration {
      $0.shutdownGrace = .milliseconds(10)
      $0.concurrency = 3
    }
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, _ in
        try await Task.sleep(for: .seconds(600))
        return .completed
      }
    } _: { _ in
      try await eventually("they run") { try await count(.running, in: store) == 3 }
    }
    for result in results {
      let task = try #require(try await store.task(result.id))
      #expect((task.state, task.attempt, task.failures, task.crashes) == (.due, 0, 0, 0))
    }
  }

  @Test("S26 A handler that ignores its cancellation does not keep its task")
  func shutdownAbandons() async throws {
    let store = InMemoryTaskStore()
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    let gate = Signals()
    let started = Journal<TaskID>()
    let configuration = quickConfiguration {
      $0.shutdownGrace = .zero
      $0.cancellationGrace = .milliseconds(10)
    }
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, context in
        started.append(context.id)
        await gate.wait()
        return .completed
      }
    } _: { worker in
      try await eventually("it runs") { started.entries == [id] }
      worker.shutDown()
      try await eventually("it is handed back") { try await store.task(id)?.state == .due }
      gate.open(1)
    }
    // What the handler returned late was ignored.
    #expect(try await store.task(id)?.attempt == 0)
  }

  @Test("S27 A store that fails and comes back needs no restart, and loses no outcome")
  func storeComesBack() async throws {
    let inner = InMemoryTaskStore()
    let store = FaultyStore(inner)
    _ = try await TaskClient(store: store).enqueue(all: (1...50).map { Ping(number: $0) })
    let runs = Journal<Int>()
    let failures = Mutex(0)
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self) { ping, _ in
        if ping.number == 1 {
          store.setFault { _ in
            let count = failures.withLock { count in
              count += 1
              return count
            }
            return count <= 4 ? TaskQueueError(.storeFailed, "connection refused", isRetrySafe: true) : nil
          }
        }
        runs.append(ping.number)
        return .completed
      }
    } _: { _ in
      try await eventually("all are done") { try await inner.tasks(after: nil, limit: 100).isEmpty }
    }
    #expect(runs.entries.sorted() == Array(1...50))
    #expect(failures.withLock { $0 } >= 4)
  }

  @Test("A second handler for a type, no handlers at all, and bad settings are refused with an error that says why")
  func misconfiguration() throws {
    var handlers = TaskHandlers()
    #expect(throws: TaskQueueError.self) {
      _ = try TaskWorker(store: InMemoryTaskStore(), handlers: TaskHandlers())
    }
    try handlers.register(Ping.self) { _, _ in .completed }
    let twice = #expect(throws: TaskQueueError.self) { try handlers.register(Ping.self) { _, _ in .completed } }
    #expect(twice?.code == .invalidConfiguration)
    for change: (inout TaskWorkerConfiguration) -> Void in [
      { $0.queues = [] }, { $0.queues = ["a", "a"] }, { $0.concurrency = 0 }, { $0.lease = .zero },
      { $0.lease = .seconds(1e18) }, { $0.lease = .seconds(-60) }, { $0.lease = Limits.delay + .seconds(1) },
      { $0.maxPollInterval = .zero }, { $0.maxPrefetch = -1 },
    ] {
      let configuration = quickConfiguration(change)
      #expect(throws: TaskQueueError.self) {
        _ = try TaskWorker(store: InMemoryTaskStore(), handlers: handlers, configuration: configuration)
      }
    }
  }

  private func count(_ state: TaskState, in store: any StoreContract) async throws -> Int {
    try await store.counts().filter { $0.state == state }.reduce(0) { $0 + $1.count }
  }
}

/// A gate that lets a given number through. Deaf to cancellation, like a handler in a blocking call.
final class Signals: Sendable {
  private struct State {
    var permits = 0
    var waiting: [CheckedContinuation<Void, Never>] = []
  }
  private let state = Mutex(State())

  func open(_ count: Int) {
    let resumed = state.withLock { state in
      let released = Array(state.waiting.prefix(count))
      state.waiting.removeFirst(released.count)
      state.permits += count - released.count
      return released
    }
    for continuation in resumed { continuation.resume() }
  }

  func wait() async {
    await withCheckedContinuation { continuation in
      let passes = state.withLock { state in
        guard state.permits > 0 else {
          state.waiting.append(continuation)
          return false
        }
        state.permits -= 1
        return true
      }
      if passes { continuation.resume() }
    }
  }
}
