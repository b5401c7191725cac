import Foundation
import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("What workers report")
struct WorkerReportTests {
  @Test("S76 An attempt is named once it has run for 10 s, and no longer than until the next report after its end")
  func held() async throws {
    let time = ManualTime()
    let store = InMemoryTaskStore(now: { time.now })
    let isReleased = Mutex(false)
    let enqueuedAt = time.now
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    let configuration = quickConfiguration { $0.version = "1.4.0" }
    try await withWorker(store, configuration, clock: time.clock) { handlers in
      try handlers.register(Ping.self) { _, _ in
        while !isReleased.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        return .completed
      }
    } _: { _ in
      func known() async throws -> WorkerSnapshot? {
        time.advance(by: .milliseconds(500))
        return try await store.workers().first
      }
      try await eventually("it is named") { try await known()?.held.map(\.task) == [id] }
      let worker = try #require(try await store.workers().first)
      #expect(worker.version == "1.4.0" && worker.inFlight == 1 && worker.held[0].attempt == 1)
      #expect(worker.seenAt.timeIntervalSince(enqueuedAt) >= 10)
      #expect(worker.held[0].since.timeIntervalSince(enqueuedAt) < 10)
      guard case .running(1, _, _, let holder?) = try await store.explain(id).cause else {
        throw HandlerFailure(description: "its holder is not told")
      }
      #expect(holder == TaskHolder(worker: worker.name, since: worker.held[0].since, seenAt: worker.seenAt))
      isReleased.withLock { $0 = true }
      try await eventually("it is not named any more") { try await known()?.held == [] }
      #expect(try await store.workers().first?.inFlight == 0)
    }
    #expect(try await store.workers().isEmpty)
  }

  @Test("S76 A worker that shuts down serves nothing any more, and names what it still runs, until it ends")
  func draining() async throws {
    let store = InMemoryTaskStore()
    let isReleased = Mutex(false)
    let id = try await TaskClient(store: store).enqueue(Ping()).id
    try await withWorker(store, quickConfiguration()) { handlers in
      try handlers.register(Ping.self) { _, _ in
        while !isReleased.withLock({ $0 }) { try await Task.sleep(for: .milliseconds(1)) }
        return .completed
      }
    } _: { worker in
      try await eventually("it runs the task, and has reported") {
        let counts = try await store.counts()
        let report = try await store.workers().first
        return counts.contains { $0.state == .running } && report?.queues == ["default"]
      }
      worker.shutDown()
      try await eventually("it names the task") {
        let report = try await store.workers().first
        return report?.queues == [] && report?.held.map(\.task) == [id]
      }
      guard case .running(1, _, [], let holder?) = try await store.explain(id).cause else {
        throw HandlerFailure(description: "its holder is not told")
      }
      let name = try await store.workers().first?.name
      #expect(holder.worker == name)
      isReleased.withLock { $0 = true }
    }
    #expect(try await store.workers().isEmpty)
  }
}
