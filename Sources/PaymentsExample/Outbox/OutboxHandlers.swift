import Libpq
import TaskQueue
import TaskQueuePostgres

/// The handlers of the lane that publishes events.
enum OutboxHandlers {
  static func make(client: TaskClient<PostgresTaskStore>, settings: OutboxSettings) throws -> TaskHandlers {
    let options = TaskHandlerOptions(
      retry: .exponential(base: settings.firstRetry, cap: max(settings.firstRetry, settings.maxRetry)),
      // An event is never given up because its receiver is down for long.
      maxAttempts: Limits.maxAttempts
    )
    var handlers = TaskHandlers()
    try handlers.register(PublishHandler(client: client, settings: settings), options: options)
    try handlers.register(TendOutboxHandler(client: client, settings: settings), options: options)
    return handlers
  }
}
