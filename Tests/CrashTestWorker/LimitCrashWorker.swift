import Foundation
import Libpq
@_spi(Store) import TaskQueue
import TaskQueuePostgres

/// A worker whose handlers write into `span` when they really began and ended; the test looks for overlaps.
enum LimitCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    let pid = Int64(ProcessInfo.processInfo.processIdentifier)
    var handlers = TaskHandlers()
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(30)), maxAttempts: 10_000)
    try handlers.register(LimitedTask.self, options: options) { task, context in
      // One that stood still since its claim has nothing to begin.
      let begun = try await store.pool.query(
        """
        INSERT INTO public.span (number, line, pid, started_at, lease_until)
        SELECT $1, $2, $3, clock_timestamp(), lease_until FROM taskqueue.task
        WHERE id = $4 AND lease_token = $5 AND lease_until > clock_timestamp()
        RETURNING id
        """,
        [.int8(task.number), .text(task.line), .int8(pid), .int8(context.id.rawValue), .int8(context.claim.token)]
      )
      guard begun.rowCount > 0 else { return .again(after: .zero) }
      let span = try begun[0].int8(0)
      try await Task.sleep(for: .milliseconds(Int.random(in: 0...4)))
      let end = LibpqStatement("UPDATE public.span SET ended_at = clock_timestamp() WHERE id = $1", [.int8(span)])
      switch (task.number + Int64(context.attempt)) % 7 {
      case 0:
        _ = try await store.pool.query(end)
        throw CancellationError()
      case 1, 2:
        // The outcome is committed late, and the slot given with it.
        do {
          try await TaskClient(store: store).withCompletion(of: context) { transaction in
            try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
            _ = try await transaction.query(end)
          }
          return .settledInTransaction
        } catch {
          FileHandle.standardError.write(Data("span \(span): \(error)\n".utf8))
          // Not with this task, which may be cancelled.
          _ = try await Task { try await store.pool.query(end) }.value
          throw error
        }
      default:
        _ = try await store.pool.query(end)
        return .completed
      }
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(5_000)) {
      $0.maxCrashes = 1_000
      $0.concurrency = 16
    }
  }
}

struct LimitedTask: TaskPayload {
  static let taskType: TaskType = "test.limited"
  var number: Int64
  var line: String
}
