import EmbeddedPostgres
import Libpq
import TaskQueue
import TaskQueuePostgres

/// Somebody buys something.
struct Purchase: TaskPayload {
  static let taskType: TaskType = "purchase"
  static let taskDefaults = TaskDefaults<Self>(retry: .fixed(.milliseconds(100)), maxAttempts: 3)
  var number: Int64
  var item: String
  /// In cents.
  var price: Int
}

/// Stands for the bank, and for the carrier, who takes no pianos.
actor World {
  struct TooHeavy: Error {}

  private(set) var log: [String] = []
  private(set) var paid: [String: Int] = [:]

  func charge(_ order: Purchase, key: String) -> String {
    if paid[key] == nil { log.append("charged for the \(order.item)") }
    paid[key] = order.price
    return key
  }

  func find(_ key: String) -> String? { paid[key].map { _ in key } }

  func refund(_ order: Purchase, key: String) {
    if paid.removeValue(forKey: key) != nil { log.append("refunded the \(order.item)") }
  }

  func ship(_ order: Purchase) throws {
    log.append("asked the carrier to take the \(order.item)")
    if order.item == "piano" { throw TooHeavy() }
  }

  func note(_ line: String) { log.append(line) }
}

@main
struct Order {
  let client: TaskClient<PostgresTaskStore>
  let world: World

  /// Stock, payment, shipping. Each one is followed, or preceded if half of it may happen, by what undoes it.
  func handle(_ order: Purchase, _ context: TaskContext) async throws -> TaskOutcome {
    let isThere = try await context.transaction("stock", on: client) { transaction in
      try await transaction.query(
        "WITH taken AS (UPDATE stock SET count = count - 1 WHERE item = $2 AND count > 0 RETURNING item)"
          + " INSERT INTO reservation (number, item) SELECT $1, item FROM taken",
        [.int8(order.number), .text(order.item)]
      ).affectedRows == 1
    }
    guard isThere else { return .discard(reason: "There is no \(order.item).") }
    try await context.onFailure("stock") { try await putBack(order) }

    try await context.onFailure("payment") {
      // The same effect, and the same key: what was charged, if it was.
      for effect in try await client.effects(of: context.id) where effect.name == "payment" {
        await world.refund(order, key: effect.key.rawValue)
      }
    }
    _ = try await context.effects.perform("payment", request: order) { call in
      await world.charge(order, key: call.key.rawValue)
    } reconcile: { call in
      await world.find(call.key.rawValue).map { .happened($0) } ?? .didNotHappen
    }

    // Throws: tried three times, then the flow has failed, and is undone in reverse.
    try await context.step("shipping") { try await world.ship(order) }
    return .completed
  }

  /// May run twice, if the process dies before it is recorded: the reservation goes once.
  private func putBack(_ order: Purchase) async throws {
    let isBack =
      try await client.pool.query(
        "WITH gone AS (DELETE FROM reservation WHERE number = $1 RETURNING item)"
          + " UPDATE stock SET count = count + 1 FROM gone WHERE stock.item = gone.item",
        [.int8(order.number)]
      ).affectedRows == 1
    if isBack { await world.note("put the \(order.item) back") }
  }

  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let result = try await run(LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1]))
    for line in result.log { print(line) }
    for (item, count) in result.stock.sorted(by: { $0.key < $1.key }) { print("In stock of \(item): \(count)") }
    print("Dead letters: \(result.dead.joined(separator: ", "))")
    await server?.stop()
  }

  /// Two orders: a violin, and a piano that nobody ships.
  static func run(
    _ database: LibpqConfiguration
  ) async throws -> (log: [String], stock: [String: Int64], paid: Int, dead: [String]) {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    try await client.pool.executeScript(
      """
      CREATE TABLE stock (item text PRIMARY KEY, count bigint NOT NULL CHECK (count >= 0));
      CREATE TABLE reservation (number bigint PRIMARY KEY, item text NOT NULL REFERENCES stock);
      INSERT INTO stock VALUES ('piano', 3), ('violin', 3);
      """
    )
    let world = World()
    let example = Order(client: client, world: world)
    var handlers = TaskHandlers()
    try handlers.register(Purchase.self) { order, context in try await example.handle(order, context) }
    let worker = try TaskWorker(store: store, handlers: handlers)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      // One after the other, so that the log is easy to read.
      for order in [
        Purchase(number: 1, item: "violin", price: 90_000), Purchase(number: 2, item: "piano", price: 900_000),
      ] {
        try await client.enqueue(order)
        while try await !client.counts().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
      }
      worker.shutDown()
      try await group.waitForAll()
    }
    let rows = try await client.pool.query("SELECT item, count FROM stock").rows
    let stock = Dictionary(uniqueKeysWithValues: try rows.map { (try $0.text(0), try $0.int8(1)) })
    let dead = try await client.deadLetters().map { "purchase \($0.reason): \($0.errors.last?.message ?? "")" }
    let (log, paid) = (await world.log, await world.paid.values.reduce(0, +))
    await store.close()
    return (log, stock, paid, dead)
  }
}
