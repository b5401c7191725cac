import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

struct SendReceipt: TaskPayload {
  static let taskType: TaskType = "receipt.send"
  var orderID: Int64
}

@main
struct GettingStarted {
  static func main() async throws {
    // A URI, a keyword string, or "" for the PG* environment.
    let database = LibpqConfiguration("")
    try await Migrator(configuration: database).migrate()

    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    try await client.enqueue(SendReceipt(orderID: 7))

    var handlers = TaskHandlers()
    try handlers.register(SendReceipt.self) { receipt, context in
      context.logger.info("Sending the receipt of order \(receipt.orderID), attempt \(context.attempt)")
      return .completed
    }
    // Until SIGTERM, with a ServiceGroup; see swift-service-lifecycle.
    try await TaskWorker(store: store, handlers: handlers).run()
  }
}
