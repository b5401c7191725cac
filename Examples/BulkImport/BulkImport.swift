import EmbeddedPostgres
import Libpq
import TaskQueue
import TaskQueuePostgres

/// One row to import.
struct ImportProduct: TaskPayload {
  static let taskType: TaskType = "product.import"
  var number: Int64
  var name: String
}

/// What came of it.
struct ImportReport {
  var rows = 0
  var batches = 0
  var refused = 0
}

@main
struct BulkImport {
  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let database = LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1])
    let report = try await run(database, count: 20_000)
    print("\(report.rows) rows in \(report.batches) transactions; \(report.refused) refused")
    await server?.stop()
  }

  static func run(_ database: LibpqConfiguration, count: Int) async throws -> ImportReport {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    try await store.pool.executeScript(
      """
      CREATE TABLE IF NOT EXISTS product (number bigint PRIMARY KEY, name text NOT NULL, batch bigint NOT NULL);
      CREATE SEQUENCE IF NOT EXISTS product_batch;
      TRUNCATE product
      """
    )
    var handlers = TaskHandlers()
    try handlers.registerBatch(ImportProduct.self, upTo: 500) { tasks, batch in
      // One outcome each: what can't be imported is put aside, and the rest goes on.
      for task in tasks where task.payload.name.isEmpty {
        batch.settle(task, .discard(reason: "a product without a name"))
      }
      try await client.withCompletion(of: tasks, in: batch) { transaction, tasks in
        _ = try await transaction.query(
          """
          INSERT INTO product (number, name, batch)
          SELECT p.number, p.name, b.batch FROM unnest($1, $2) AS p(number, name), (SELECT nextval('product_batch') AS batch) AS b
          """,
          [.int8Array(tasks.map(\.payload.number)), .textArray(tasks.map(\.payload.name))]
        )
      }
    }
    try await client.enqueue(
      all: (1...count).map { ImportProduct(number: Int64($0), name: $0.isMultiple(of: 1_000) ? "" : "Product \($0)") }
    )
    var configuration = TaskWorkerConfiguration()
    configuration.concurrency = 1_000
    let worker = try TaskWorker(store: store, handlers: handlers, configuration: configuration)
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      while try await !client.counts().isEmpty { try await Task.sleep(for: .milliseconds(20)) }
      worker.shutDown()
      try await group.waitForAll()
    }
    let row = try await store.pool.query("SELECT count(*), count(DISTINCT batch) FROM product")[0]
    let refused = try await client.deadLetters(.init(type: ImportProduct.taskType), limit: 1_000).count
    let report = ImportReport(rows: Int(try row.int8(0)), batches: Int(try row.int8(1)), refused: refused)
    await store.close()
    return report
  }
}
