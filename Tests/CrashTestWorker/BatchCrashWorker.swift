import Foundation
import Libpq
import TaskQueue
import TaskQueuePostgres

/// A worker that writes the rows of many tasks in the one transaction that completes them.
enum BatchCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database, maxConnections: 20))
    let client = TaskClient(store: store)
    let pid = Int64(ProcessInfo.processInfo.processIdentifier)
    var handlers = TaskHandlers()
    let options = TaskHandlerOptions(retry: .fixed(.milliseconds(50)), maxAttempts: 10_000)
    try handlers.registerBatch(CrashTask.self, upTo: 50, options: options) { tasks, batch in
      try await client.withCompletion(of: tasks, in: batch) { transaction, tasks in
        _ = try await transaction.query(
          "INSERT INTO public.effect (number, pid) SELECT n, $2 FROM unnest($1) AS n",
          [.int8Array(tasks.map(\.payload.number)), .int8(pid)]
        )
        try await Task.sleep(for: .milliseconds(Int.random(in: 0...20)))
      }
    }
    try await CrashTestWorker.run(handlers, on: store, lease: .milliseconds(2_000)) {
      $0.maxCrashes = 1_000
    }
  }
}
