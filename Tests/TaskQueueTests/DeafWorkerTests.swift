import Foundation
import Synchronization
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueueConformance
@_spi(Store) import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("A worker hears of work while it looks behind late commits")
struct DeafWorkerTests {
  @Test("S22 A look that takes all slots while the queue is idle does not stop the polling", .timeLimit(.minutes(1)))
  func pollsAfterLook() async throws {
    let store = SlowLookStore(InMemoryTaskStore())
    let client = TaskClient(store: store)
    let configuration = quickConfiguration {
      $0.concurrency = 1
      $0.listensForWakeUps = false
      $0.lease = .seconds(600)
    }
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      try await eventually("a look is under way") { store.lookCount > 0 }
      for number in 1...10 {
        let id = try await client.enqueue(Ping(number: number)).id
        try await eventually("task \(number) is done", within: .seconds(20)) { try await store.task(id) == nil }
      }
    }
  }

  @Test("S26 A shutdown with nothing running does not wait for its grace because a look was under way")
  func endsAfterLook() async throws {
    let store = SlowLookStore(InMemoryTaskStore())
    let configuration = quickConfiguration {
      $0.concurrency = 1
      $0.listensForWakeUps = false
      $0.shutdownGrace = .seconds(600)
    }
    let started = ContinuousClock.now
    try await withWorker(store, configuration) { handlers in
      try handlers.register(Ping.self) { _, _ in .completed }
    } _: { _ in
      let count = store.lookCount
      try await eventually("a look is under way") { store.lookCount > count }
    }
    #expect(started.duration(to: .now) < .seconds(300))
  }
}

/// Keeps the looks behind late commits (the first claim behind a position after a question for open writers) waiting for a while.
private final class SlowLookStore: StoreDecorator {
  let base: any StoreContract
  private let looks = Mutex((isNext: false, count: 0))

  init(_ base: any StoreContract) { self.base = base }

  var lookCount: Int { looks.withLock { $0.count } }

  func openWriters(within limit: Duration) async throws(TaskQueueError) -> OpenWriters? {
    looks.withLock { $0.isNext = true }
    return OpenWriters(at: Date(), ids: [])
  }

  func exchange(
    settle: [Settlement],
    claim: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    let isLook = looks.withLock { looks in
      guard looks.isNext, settle.isEmpty, case .after = claim?.scope else { return false }
      looks.isNext = false
      looks.count += 1
      return true
    }
    if isLook { try? await Task.sleep(for: .milliseconds(150)) }
    return try await base.exchange(settle: settle, claim: claim)
  }
}
