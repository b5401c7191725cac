import Foundation
import Libpq
import Logging
import Synchronization
import TaskQueue
import TaskQueuePostgres

struct NoOp: TaskPayload {
  static let taskType: TaskType = "bench.noop"
  var number: Int
}

/// The same tasks, claimed and completed by bare SQL and by a worker.
struct DrainBenchmark {
  static let schema = "taskqueue_bench"
  static let batch = 1_000

  let database: PostgresConfiguration
  let taskCount: Int
  let store: PostgresTaskStore

  init(database: PostgresConfiguration, taskCount: Int) throws {
    self.database = database
    self.taskCount = taskCount
    store = try PostgresTaskStore(.init(database, schema: Self.schema))
  }

  func prepare() async throws {
    try await store.pool.executeScript("DROP SCHEMA IF EXISTS \(Self.schema) CASCADE")
    try await Migrator(configuration: database, schema: Self.schema).migrate()
  }

  func cleanUp() async throws {
    try await store.pool.executeScript("DROP SCHEMA \(Self.schema) CASCADE")
    await store.close()
  }

  /// Fills the table and makes every run start alike.
  private func fill() async throws {
    try await store.pool.executeScript("TRUNCATE \(Self.schema).task")
    _ = try await store.pool.query(
      """
      INSERT INTO \(Self.schema).task (type, payload)
      SELECT '\(NoOp.taskType)', json_build_object('number', n) FROM generate_series(1, $1::bigint) AS n
      """,
      [.int8(Int64(taskCount))]
    )
    try await store.pool.executeScript("VACUUM ANALYZE \(Self.schema).task")
    try await store.pool.executeScript("CHECKPOINT")
  }

  /// Completes the previous batch and claims the next in one pipeline, on each connection, until nothing is left.
  /// - Returns: tasks per second.
  func raw(connections: Int) async throws -> Double {
    try await fill()
    let start = ContinuousClock.now
    let total = try await withThrowingTaskGroup(of: Int.self) { group in
      for _ in 0..<connections {
        group.addTask { try await store.pool.withConnection { try await Self.drain(on: $0) } }
      }
      return try await group.reduce(0, +)
    }
    guard total == taskCount else { throw BenchmarkError(description: "raw drained \(total) of \(taskCount)") }
    return Double(taskCount) / (start.duration(to: .now) / .seconds(1))
  }

  private static func drain(on connection: PostgresConnection) async throws -> Int {
    var ids: [Int64] = []
    var tokens: [Int64] = []
    var completed = 0
    while true {
      let results = try await connection.pipeline([
        PostgresStatement(
          "SELECT * FROM \(schema).settle_complete($1, $2)",
          [.int8Array(ids), .int8Array(tokens)],
          name: "raw_settle"
        ),
        PostgresStatement(
          "SELECT * FROM \(schema).claim($1, $2, $3, $4, $5)",
          [
            .textArray(["default"]), .textArray([NoOp.taskType.rawValue]), .int4(Int32(batch)),
            .int8(16 * 1024 * 1024), .interval(.seconds(60)),
          ],
          name: "raw_claim"
        ),
      ])
      completed += results[0].rowCount
      let rows = results[1]
      if rows.rowCount == 0 { return completed }
      ids.removeAll(keepingCapacity: true)
      tokens.removeAll(keepingCapacity: true)
      for row in 0..<rows.rowCount {
        ids.append(try rows[row].int8(0))
        tokens.append(try rows[row].int8(1))
      }
    }
  }

  /// A worker with default settings and a handler that does nothing.
  /// - Returns: tasks per second, from `run()` to the last completion being durable.
  func engine() async throws -> Double {
    try await fill()
    let handled = Atomic<Int>(0)
    let worker = try makeWorker { _ = handled.add(1, ordering: .relaxed) }
    let start = ContinuousClock.now
    let seconds = try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      while handled.load(ordering: .relaxed) < taskCount { try await Task.sleep(for: .milliseconds(1)) }
      while try await isAnyLeft() { try await Task.sleep(for: .milliseconds(1)) }
      let seconds = start.duration(to: .now) / .seconds(1)
      worker.shutDown()
      try await group.waitForAll()
      return seconds
    }
    return Double(taskCount) / seconds
  }

  private func isAnyLeft() async throws -> Bool {
    try await store.pool.query("SELECT EXISTS (SELECT FROM \(Self.schema).task)")[0].bool(0)
  }

  private func makeWorker(_ work: @escaping @Sendable () -> Void) throws -> TaskWorker {
    var handlers = TaskHandlers()
    try handlers.register(NoOp.self) { _, _ in
      work()
      return .completed
    }
    return try TaskWorker(
      store: store,
      handlers: handlers,
      logger: Logger(label: "bench") { _ in SwiftLogNoOpLogHandler() }
    )
  }
}

struct BenchmarkError: Error, CustomStringConvertible {
  var description: String
}
