import ChildProcesses
import EmbeddedPostgres
import Foundation
import Libpq
import Logging
import Synchronization
import TaskQueue
import TaskQueuePostgres
import Testing

struct ChargeOrder: TaskPayload {
  static let taskType: TaskType = "test.charge"
  var order: Int
}

/// A provider that knows nothing but idempotency keys, as most do: a key that it has seen gets the first answer again.
private final class Books: Sendable {
  private let receipts = Mutex<[String: Int]>([:])

  /// - Returns: the order that was paid for.
  func charge(_ order: Int, key: String) -> Int {
    receipts.withLock { receipts in
      if let paid = receipts[key] { return paid }
      receipts[key] = order
      return order
    }
  }

  var orders: [Int] { receipts.withLock { Array($0.values) } }
}

@Suite("Ids that come again", .serialized)
struct LostCommitsTests {
  private static let lost = 1...80, later = 101...180

  @Test("S41 After a failover that lost commits no new order is paid by a lost one's payment")
  func failover() async throws {
    try await ServerPair.with(isSynchronous: false) { pair in
      try await pair.disconnect()
      let books = Books()
      let before = try await charge(Self.lost, at: pair.primary.connectionString, books)
      pair.primary.kill()
      try await pair.standby.promote()
      let after = try await charge(Self.later, at: pair.standby.connectionString, books)
      check(before, after, books)
    }
  }

  @Test(
    "S41 In a database that was restored from a dump no new order is paid by a lost one's payment, nor in a copy beside it"
  )
  func restore() async throws {
    let server = try await EmbeddedPostgres.start(settings: ["fsync": "off"])
    do {
      _ = try await Migrator(configuration: LibpqConfiguration(server.connectionString)).migrate()
      let dump = FileManager.default.temporaryDirectory.appending(path: "dump-\(UUID().uuidString).sql").path
      try await run("pg_dump", ["-f", dump, server.connectionString])
      let books = Books()
      let before = try await charge(Self.lost, at: server.connectionString, books)
      for (name, orders) in [("restored", Self.later), ("copy", 201...280)] {
        try await run("createdb", ["--maintenance-db", server.connectionString, name])
        let database = server.connectionString(database: name)
        try await run("psql", ["-Xq", "-v", "ON_ERROR_STOP=1", "-f", dump, "-d", database])
        check(before, try await charge(orders, at: database, books), books)
      }
      try FileManager.default.removeItem(atPath: dump)
    } catch {
      await server.stop()
      throw error
    }
    await server.stop()
  }

  /// Another database, or another time: ids are the same, and nothing else is.
  private func check(_ before: [TaskID: Int], _ after: [TaskID: Int], _ books: Books) {
    #expect(!Set(before.keys).isDisjoint(with: after.keys))
    #expect(Set(after.values).isSubset(of: books.orders))
    #expect(Set(books.orders).count == books.orders.count)
  }

  /// Enqueues the orders and has each charged, as an effect of its task.
  /// - Returns: the order of each task.
  private func charge(_ orders: ClosedRange<Int>, at connection: String, _ books: Books) async throws -> [TaskID: Int] {
    let store = try PostgresTaskStore(.init(LibpqConfiguration(connection)))
    let client = TaskClient(store: store)
    let charged = Mutex<[TaskID: Int]>([:])
    var handlers = TaskHandlers()
    try handlers.register(ChargeOrder.self) { task, context in
      let paid = try await context.effects.perform("charge", request: ["amount": 10]) { call in
        books.charge(task.order, key: call.key.rawValue)
      }
      #expect(paid == task.order)
      charged.withLock { $0[context.id] = task.order }
      return .completed
    }
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    _ = try await client.enqueue(all: orders.map { ChargeOrder(order: $0) })
    try await withThrowingTaskGroup { group in
      group.addTask { try await worker.run() }
      do {
        try await eventually("all orders are charged") { charged.withLock { $0.count } == orders.count }
      } catch {
        worker.shutDown()
        throw error
      }
      worker.shutDown()
      try await group.waitForAll()
    }
    await store.close()
    return charged.withLock { $0 }
  }

  private func run(_ program: String, _ arguments: [String]) async throws {
    var command = ChildCommand(try EmbeddedPostgres.binaryDirectory() + "/" + program, arguments)
    command.errors = .pipe
    let result = try await ChildProcess.run(command)
    #expect(result.exit.status == 0, "\(program): \(result.errors)")
  }
}
