import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// A worker that makes the tasks of schedules, and runs none of them.
enum ScheduleCrashWorker {
  static func run(_ database: LibpqConfiguration) async throws {
    let store = try PostgresTaskStore(.init(database))
    var handlers = TaskHandlers()
    try handlers.register("test.none", as: Int.self) { _, _ in .completed }
    var configuration = TaskWorkerConfiguration()
    configuration.lease = .seconds(3)
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      configuration: configuration,
      logger: Logger(label: "crash-test-worker") { _ in SwiftLogNoOpLogHandler() }
    )
    try await CrashTestWorker.runUntilInputEnds(worker)
  }
}
