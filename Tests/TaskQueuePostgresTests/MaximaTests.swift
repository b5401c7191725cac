import Foundation
import Synchronization
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

private struct BulkTask: TaskPayload {
  static let taskType: TaskType = "test.bulk"
}

private struct UrgentTask: TaskPayload {
  static let taskType: TaskType = "test.urgent"
}

@Suite("S50 A flood in one queue or of one type leaves slots for others")
struct MaximaTests {
  @Test("150 slow tasks in one queue: an urgent one in another starts within a second, and the maximum holds")
  func flood() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 5))
      let client = TaskClient(store: store)
      var bulk = EnqueueOptions()
      bulk.queue = "bulk"
      try await client.enqueue(all: Array(repeating: BulkTask(), count: 150), options: bulk)
      let counts = Mutex((running: 0, most: 0, done: 0))
      let urgentStarted = Mutex<ContinuousClock.Instant?>(nil)
      var handlers = TaskHandlers()
      try handlers.register(BulkTask.self) { _, _ in
        counts.withLock { $0 = ($0.running + 1, max($0.most, $0.running + 1), $0.done) }
        try await Task.sleep(for: .milliseconds(300))
        counts.withLock { $0 = ($0.running - 1, $0.most, $0.done + 1) }
        return .completed
      }
      try handlers.register(UrgentTask.self, options: .init(maxConcurrent: 1)) { _, _ in
        urgentStarted.withLock { $0 = .now }
        return .completed
      }
      var configuration = TaskWorkerConfiguration()
      configuration.queues = ["bulk", "default"]
      configuration.concurrency = 12
      configuration.maxConcurrent = ["bulk": 10]
      let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await worker.run() }
        try await eventually("the flood is there", within: .seconds(60)) { counts.withLock { $0.running == 10 } }
        let enqueued = ContinuousClock.now
        try await client.enqueue(UrgentTask())
        try await eventually("the urgent task starts", within: .seconds(60)) { urgentStarted.withLock { $0 != nil } }
        let started = try #require(urgentStarted.withLock { $0 })
        #expect(enqueued.duration(to: started) < .seconds(1))
        #expect(counts.withLock(\.done) < 150, "the flood was still there")
        try await eventually("the flood is over", within: .seconds(120)) { counts.withLock { $0.done == 150 } }
        worker.shutDown()
        try await group.waitForAll()
      }
      await store.close()
      #expect(counts.withLock(\.most) == 10)
    }
  }
}
