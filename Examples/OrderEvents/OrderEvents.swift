import EmbeddedPostgres
import Libpq
import Outbox
import TaskQueue
import TaskQueuePostgres

/// The app's own work: a table of orders, and an event for each change of one, in the same transaction.
struct Orders: Sendable {
  static let outbox = EventOutbox(schema: "shop")
  static let steps = ["PLACED", "PAID", "SHIPPED", "DELIVERED"]

  let pool: LibpqPool

  func migrate() async throws {
    try await Self.outbox.migrate(pool)
    try await Self.outbox.setMode(.publisher, in: pool)
    try await pool.executeScript("CREATE TABLE IF NOT EXISTS shop.orders (id bigint PRIMARY KEY, status text NOT NULL)")
  }

  /// The change and the event about it exist together, or neither does.
  func set(_ status: String, of id: Int64) async throws {
    try await pool.withTransaction { transaction in
      try await transaction.query(
        "INSERT INTO shop.orders VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET status = excluded.status",
        [.int8(id), .text(status)]
      )
      try await Self.outbox.append(
        ["order": "\(id)"],
        type: status,
        aggregateType: "order",
        aggregateID: "\(id)",
        in: transaction
      )
    }
  }
}

/// Who wants the events: refuses a third, and of another third it loses the answer. What it has seen before it passes over, by the id.
actor Receiver: OutboxTransport {
  struct Refused: Error {}
  struct AnswerLost: Error {}

  private var seen: Set<String> = []
  private(set) var received: [OutboxEvent] = []
  private(set) var failures = 0

  func deliver(_ event: OutboxEvent) throws {
    let luck = Int.random(in: 0..<3)
    if luck == 0 {
      failures += 1
      throw Refused()
    }
    if seen.insert(event.id).inserted {
      received.append(event)
      print("order \(event.aggregateID): \(event.sequence). \(event.type)")
    }
    if luck == 1 {
      failures += 1
      throw AnswerLost()
    }
  }
}

@main
struct OrderEvents {
  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let receiver = try await run(LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1]))
    let (events, failures) = (await receiver.received.count, await receiver.failures)
    print("\(events) events arrived, each order's in order, in spite of \(failures) failures.")
    await server?.stop()
  }

  /// Three orders go their way while their events are published.
  static func run(_ database: LibpqConfiguration) async throws -> Receiver {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let (orders, receiver) = (Orders(pool: store.pool), Receiver())
    try await orders.migrate()
    var handlers = TaskHandlers()
    try Orders.outbox.registerPublisher(
      in: &handlers,
      client: TaskClient(store: store),
      transport: receiver,
      configuration: .init(firstRetry: .milliseconds(20), maxRetry: .milliseconds(200))
    )
    var configuration = TaskWorkerConfiguration()
    configuration.queues = [EventOutbox.queue]
    let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration)
    let upkeep = OutboxUpkeep(Orders.outbox, pool: store.pool)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      group.addTask { try await upkeep.run() }
      for status in Orders.steps {
        for id: Int64 in 1...3 { try await orders.set(status, of: id) }
      }
      while try await Orders.outbox.backlog(in: store.pool).count > 0 { try await Task.sleep(for: .milliseconds(20)) }
      worker.shutDown()
      try await group.next()
      group.cancelAll()
    }
    await store.close()
    return receiver
  }
}
