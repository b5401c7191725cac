package import Logging
package import TaskQueue

/// Short polls, so that tests don't wait for them.
package func quickConfiguration(
  _ change: (inout TaskWorkerConfiguration) -> Void = { _ in }
) -> TaskWorkerConfiguration {
  var configuration = TaskWorkerConfiguration()
  configuration.maxPollInterval = .milliseconds(20)
  configuration.promotionInterval = .milliseconds(5)
  configuration.shutdownGrace = .seconds(10)
  change(&configuration)
  return configuration
}

package var quietLogger: Logger { Logger(label: "test") { _ in SwiftLogNoOpLogHandler() } }

/// Runs a worker beside the body and shuts it down gracefully after it.
package func withWorker<Value: Sendable>(
  _ store: any TaskStore,
  _ configuration: TaskWorkerConfiguration = quickConfiguration(),
  schedules: TaskSchedules = .init(),
  middleware: [any TaskMiddleware] = [],
  clock: any Clock<Duration> = ContinuousClock(),
  logger: Logger = quietLogger,
  register: (inout TaskHandlers) throws -> Void,
  _ body: (TaskWorker) async throws -> Value
) async throws -> Value {
  var handlers = TaskHandlers()
  try register(&handlers)
  return try await withWorker(
    store,
    configuration,
    schedules: schedules,
    middleware: middleware,
    clock: clock,
    logger: logger,
    handlers: handlers,
    body
  )
}

package func withWorker<Value: Sendable>(
  _ store: any TaskStore,
  _ configuration: TaskWorkerConfiguration = quickConfiguration(),
  schedules: TaskSchedules = .init(),
  middleware: [any TaskMiddleware] = [],
  clock: any Clock<Duration> = ContinuousClock(),
  logger: Logger = quietLogger,
  handlers: TaskHandlers,
  _ body: (TaskWorker) async throws -> Value
) async throws -> Value {
  let worker = try TaskWorker(
    store: store,
    handlers: handlers,
    schedules: schedules,
    configuration: configuration,
    middleware: middleware,
    clock: clock,
    logger: logger
  )
  return try await withThrowingTaskGroup(of: Void.self) { group in
    group.addTask { try await worker.run() }
    let result: Result<Value, any Error>
    do { result = .success(try await body(worker)) } catch { result = .failure(error) }
    worker.shutDown()
    try await group.waitForAll()
    return try result.get()
  }
}
