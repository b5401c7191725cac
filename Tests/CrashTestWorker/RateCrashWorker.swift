import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres

/// A worker whose handlers write into `start` when they really began.
enum RateCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    var handlers = TaskHandlers()
    try handlers.register(RatedTask.self) { task, context in
      _ = try await store.pool.query(
        "INSERT INTO public.start (line, task_id, attempt, started_at) VALUES ($1, $2, $3, clock_timestamp())",
        [.text(task.line), .int8(context.id.rawValue), .int4(Int32(context.attempt))]
      )
      return .completed
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(5_000)) {
      $0.concurrency = 64
    }
  }
}

struct RatedTask: TaskPayload {
  static let taskType: TaskType = "test.rated"
  var line: String
}
