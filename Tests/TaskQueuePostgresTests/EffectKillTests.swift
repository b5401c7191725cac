import Foundation
import Libpq
@_spi(Store) import TaskQueue
@_spi(Store) import TaskQueuePostgres
import TaskQueueTestKit
import Testing

/// As in the crash test worker.
struct EffectCrashTask: TaskPayload {
  static let taskType: TaskType = "test.effect"
  static let points = [
    "beforeIntent", "duringIntent", "afterIntent", "beforeExecution", "duringExecution", "afterExecution",
    "duringOutcome",
    "afterOutcome", "beforeCompletion", "duringCompletion",
  ]
  var number: Int64
  var point: String
  var isRecordedInTransaction: Bool
}

/// The provider knows no idempotency: whatever is sent twice is done twice.
@Suite("S29, S30 Every call happens once, wherever its process is killed", .serialized)
struct EffectKillTests {
  @Test("SIGKILL at every point of an effect, with the outcome in a commit of its own or in the completion's")
  func kills() async throws {
    try await withTestDatabase { database in
      let store = try PostgresTaskStore(.init(database.postgresConfiguration))
      try await store.pool.executeScript(
        """
        CREATE TABLE public.execution (reference text NOT NULL);
        CREATE TABLE public.payment (number bigint NOT NULL, reference text NOT NULL);
        """
      )
      var tasks: [EffectCrashTask] = []
      for point in EffectCrashTask.points {
        for isRecordedInTransaction in [true, false, true, false] {
          tasks.append(
            .init(number: Int64(tasks.count), point: point, isRecordedInTransaction: isRecordedInTransaction)
          )
        }
      }
      _ = try await TaskClient(store: store).enqueue(all: tasks.shuffled())
      var worker = try WorkerProcess(["effects", database.connectionString])
      var kills = 0
      try await eventually("every payment is made", within: .seconds(300)) {
        if !worker.isRunning {
          kills += 1
          worker = try WorkerProcess(["effects", database.connectionString])
        }
        return try await store.tasks(after: nil, limit: 1).isEmpty
      }
      worker.stop()
      #expect(kills >= EffectCrashTask.points.count)
      let count = tasks.count
      #expect(try await store.number("SELECT count(*) FROM public.execution") == count)
      #expect(try await store.number("SELECT count(DISTINCT reference) FROM public.execution") == count)
      #expect(
        try await store.number(
          "SELECT count(DISTINCT number) FROM public.payment JOIN public.execution USING (reference)"
        )
          == count
      )
      #expect(try await store.number("SELECT count(*) FROM public.payment") == count)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.effect WHERE state = 'succeeded'") == count)
      #expect(try await store.number("SELECT count(*) FROM taskqueue.unsettled_effect") == 0)
      #expect(try await store.deadLetters(.all, after: nil, limit: 1).isEmpty)
      await store.close()
    }
  }
}
