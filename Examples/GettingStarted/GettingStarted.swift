import Libpq
import Logging
import ServiceLifecycle
import TaskQueue
import TaskQueuePostgres
import UnixSignals

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
    let result = try await client.enqueue(SendReceipt(orderID: 7))
    print("Task \(result.id) is stored")

    var handlers = TaskHandlers()
    try handlers.register(SendReceipt.self) { receipt, context in
      context.logger.info("Sending the receipt of order \(receipt.orderID), attempt \(context.attempt)")
      return .completed
    }
    let worker = try TaskWorker(store: store, handlers: handlers)
    // Until SIGTERM or SIGINT: then running handlers finish and their outcomes are recorded.
    try await ServiceGroup(
      services: [worker],
      gracefulShutdownSignals: [.sigterm, .sigint],
      logger: Logger(label: "receipts")
    ).run()
  }
}
