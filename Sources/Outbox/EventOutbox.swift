public import Libpq
public import TaskQueue
import TaskQueuePostgres

/// Events that are written in the app's own transactions and delivered afterwards: at least once, in order per aggregate.
///
/// ```swift
/// let outbox = EventOutbox(schema: "app")
/// try await pool.withTransaction { transaction in
///   try await transaction.query("UPDATE app.orders SET status = 'PAID' WHERE id = 7")
///   try await outbox.append(OrderPaid(amount: 1250), type: "OrderPaid", aggregateType: "order", aggregateID: "7", in: transaction)
/// }
/// ```
///
/// Its tables and functions stand in a schema of the app (``migrate(_:)``), whose triggers and other programs call
/// `outbox_append` there, which does the same. Nothing is written before ``setMode(_:in:)``. A value without state of its own.
public struct EventOutbox: Sendable {
  /// The lane of the tasks that publish: receivers that stall hold up no other task.
  public static let queue: QueueName = "outbox"
  /// Bytes of one event's payload as JSON.
  public static let payloadBytes = 256 * 1024
  /// Rows that one call of ``recover(longerThan:in:)`` or ``purge(olderThan:in:)`` changes at most.
  public static let page = 1_000
  /// Events that ``backlog(in:)`` counts at most.
  public static let countLimit = 100_000

  /// The schema of the outbox's tables.
  public let schema: String
  /// The schema of the queue's tables.
  public let taskQueueSchema: String

  /// - Parameters:
  ///   - schema: of the outbox's tables; 1 to 63 bytes without colon and control characters. There is one outbox per schema.
  ///   - taskQueueSchema: of the queue's own tables.
  public init(schema: String, taskQueueSchema: String = "taskqueue") {
    self.schema = schema
    self.taskQueueSchema = taskQueueSchema
  }

  /// The type of the tasks that publish this outbox's events, one task per aggregate.
  public var taskType: TaskType { TaskType("outbox.\(schema)") }

  /// - Throws: `invalidName` if a schema's name cannot be used.
  public func validate() throws(TaskQueueError) {
    for name in [schema, taskQueueSchema] {
      guard 1...LibpqIdentifier.maxBytes ~= name.utf8.count,
        !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F || $0 == ":" })
      else {
        throw TaskQueueError(
          .invalidName,
          "An outbox's schema must have 1 to \(LibpqIdentifier.maxBytes) UTF-8 bytes, no colon and no control characters."
        )
      }
    }
  }

  /// Creates or updates the outbox's tables and functions, and the schema if it is missing. Idempotent; concurrent callers wait for one
  /// another. After `Migrator`, whose tables it needs.
  ///
  /// - Throws: `TaskQueueError` with `invalidName`; `LibpqError`. Then nothing of this call stays.
  public func migrate(_ pool: LibpqPool) async throws {
    try await pool.withTransaction(.init(isolationLevel: .readCommitted)) { try await migrate(in: $0) }
  }

  /// ``migrate(_:)`` in the app's transaction, beside its own migrations. Sets `search_path` and limits until the transaction ends.
  public func migrate(in transaction: LibpqTransaction) async throws {
    try validate()
    let sql = String(decoding: PackageResources.O0001_outbox_sql, as: UTF8.self)
    let script = sql.replacing(" taskqueue.", with: " \(LibpqIdentifier.quoted(taskQueueSchema)).")
    let migrations = NumberedMigrations(table: name("outbox_migration"), scripts: [.init(version: 1, sql: script)])
    try await migrations.wait(in: transaction)
    let exists = try await transaction.query(
      "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)",
      [.text(schema)]
    )
    if try !exists[0].bool(0) { try await transaction.executeScript("CREATE SCHEMA \(LibpqIdentifier.quoted(schema))") }
    try await transaction.executeScript("SET LOCAL search_path = \(LibpqIdentifier.quoted(schema)), pg_temp")
    try await migrations.apply(in: transaction)
  }

  /// The name of an object in the schema, as SQL.
  func name(_ object: String) -> String { "\(LibpqIdentifier.quoted(schema)).\(object)" }
}
