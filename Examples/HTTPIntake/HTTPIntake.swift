import EmbeddedPostgres
import Hummingbird
import Libpq
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres

@main
struct HTTPIntake {
  static func main() async throws {
    let server = try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(server.connectionString)
    try await Migrator(configuration: database).migrate()
    let client = TaskClient(store: try PostgresTaskStore(.init(database)))
    // "a secret of the warehouse". A real program is given a random one, and keeps hashes of its callers' keys.
    let warehouse = try StandardWebhook(secrets: ["whsec_YSBzZWNyZXQgb2YgdGhlIHdhcmVob3VzZQ=="])
    let unshipped = "SELECT FROM shop.purchase WHERE shipped_at IS NULL"
    let backlog = BacklogGate(limit: 1000, pool: client.pool, rows: unshipped)
    let callers = ["Bearer anna-key": "anna"]
    let intake = Intake(client: client, backlog: backlog, warehouse: warehouse, callers: callers)
    try await intake.createTables()
    var handlers = TaskHandlers()
    try handlers.register(ShipOrder.self) { task, context in
      try await client.withCompletion(of: context) { transaction in
        try await transaction.query("UPDATE shop.purchase SET shipped_at = now() WHERE id = $1", [.int8(task.orderID)])
      }
      print("Order \(task.orderID) is shipped")
      return .settledInTransaction
    }
    var app = Application(router: intake.router(), configuration: .init(address: .hostname("127.0.0.1", port: 8080)))
    app.addServices(try TaskWorker(store: client.store, handlers: handlers))
    try await app.runService()
    await server.stop()
  }
}
