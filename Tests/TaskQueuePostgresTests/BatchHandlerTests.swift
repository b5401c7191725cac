import Foundation
import Libpq
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@_spi(Store) @testable import TaskQueue

@Suite("S51 Batch handlers on PostgreSQL", .serialized)
struct BatchHandlerTests {
  @Test("SIGKILL in the midst of batches: each row is written exactly once")
  func kill() async throws {
    try await withTestDatabase { database in
      let scene = try await Scene(database.postgresConfiguration, KillTests.Pace(taskCount: 4_000, concurrency: 100))
      func spawn() throws -> WorkerProcess {
        try WorkerProcess(["batches", database.postgresConfiguration.connectionString])
      }
      var workers = [try spawn(), try spawn()]
      var done = 0
      for kill in 0..<6 {
        let target = done + 400
        try await eventually("work goes on", within: .seconds(120)) {
          done = try await scene.effectCount()
          return done >= target
        }
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
        workers[kill % 2].kill()
        workers[kill % 2] = try spawn()
      }
      try await scene.expectAllDoneOnce()
      for worker in workers { worker.stop() }
      await scene.close()
    }
  }

  @Test("A task whose lease is lost is left out, and its row is not written")
  func lostLease() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration, maxConnections: 5))
      let client = TaskClient(store: store)
      try await client.enqueue(all: (1...3).map { CrashTask(number: $0) })
      let request = ClaimRequest(
        queues: [.default],
        types: [CrashTask.taskType],
        limit: 10,
        lease: .seconds(60),
        promotesDue: false
      )
      let claimed = try await store.exchange(settle: [], claim: request).claimed
      let lost = claimed[1].claim
      _ = try await store.exchange(settle: [Settlement(lost, .release)], claim: nil)
      func tasks(of batch: TaskBatch) -> [BatchTask<CrashTask>] {
        claimed.enumerated().map { index, task in
          BatchTask(
            payload: CrashTask(number: Int64(index + 1)),
            context: TaskContext(task: task),
            batch: batch,
            index: index
          )
        }
      }
      let (batch, again) = (TaskBatch(count: 3), TaskBatch(count: 3))
      let numbers = try await client.withCompletion(of: tasks(of: batch), in: batch) { _, tasks in
        tasks.map(\.payload.number)
      }
      #expect(numbers == [1, 3])
      #expect(try batch.result(of: 0, nil).get() == .settledInTransaction)
      #expect(throws: TaskQueueError.self) { try batch.result(of: 1, nil).get() }
      #expect(try await store.tasks(after: nil, limit: 10).map(\.id) == [lost.id])
      let nobody = try await client.withCompletion(of: tasks(of: again), in: again) { _, _ in true }
      #expect(nobody == nil, "a second time there is nothing to complete")
      await store.close()
    }
  }
}
