public import Libpq
public import TaskQueue

extension PostgresTaskStore {
  /// One round trip up to 5,000 tasks or 16 MiB; a bigger bulk is a transaction of several.
  ///
  /// - Throws: `outcomeUnknown` if the connection broke before the commit was confirmed.
  public func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    let batches = EnqueueBatch.batches(of: tasks)
    guard let first = batches.first else { return [] }
    if batches.count == 1 {
      return try results(try await query(try statement(first), .unsafe))
    }
    do {
      return try await pool.withTransaction { transaction in try await self.enqueue(tasks, in: transaction) }
    } catch let error as TaskQueueError {
      throw error
    } catch let error as PostgresError {
      throw TaskQueueError(error, .unsafe)
    } catch {
      throw TaskQueueError(.storeFailed, "The transaction failed.", underlying: error)
    }
  }

  /// Stores one task in the app's transaction: it exists when that commits, and never did when it rolls back.
  ///
  /// One round trip. Workers are woken at commit. A failed statement aborts the transaction, as always in PostgreSQL.
  ///
  /// - Throws: as ``TaskClient/enqueue(_:options:)``, but never `outcomeUnknown`: that belongs to the COMMIT.
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init(),
    in transaction: PostgresTransaction
  ) async throws(TaskQueueError) -> EnqueueResult {
    try await enqueue([NewTask(payload, options: options)], in: transaction)[0]
  }

  /// Stores several tasks in the app's transaction, with the same options. An empty array is a no-op.
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    all payloads: [Payload],
    options: EnqueueOptions = .init(),
    in transaction: PostgresTransaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    var tasks: [NewTask] = []
    tasks.reserveCapacity(payloads.count)
    for payload in payloads { tasks.append(try NewTask(payload, options: options)) }
    return try await enqueue(tasks, in: transaction)
  }

  /// Stores encoded tasks in the app's transaction; one round trip per 5,000.
  @discardableResult
  public func enqueue(
    _ tasks: [NewTask],
    in transaction: PostgresTransaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    var enqueued: [EnqueueResult] = []
    enqueued.reserveCapacity(tasks.count)
    for batch in EnqueueBatch.batches(of: tasks) {
      enqueued += try results(try await query(try statement(batch), in: transaction))
    }
    return enqueued
  }

  private func statement(_ batch: EnqueueBatch) throws(TaskQueueError) -> PostgresStatement {
    statements.enqueue(try batch.parameters(wakes: configuration.wakesUp))
  }

  private func results(_ result: PostgresResult) throws(TaskQueueError) -> [EnqueueResult] {
    try read { () throws(PostgresError) in
      var results: [EnqueueResult] = []
      results.reserveCapacity(result.rowCount)
      for row in result.rows {
        results.append(EnqueueResult(id: TaskID(try row.int8(0)), isNew: try row.bool(1)))
      }
      return results
    }
  }

  func query(
    _ statement: PostgresStatement,
    in transaction: PostgresTransaction
  ) async throws(TaskQueueError) -> PostgresResult {
    // Nothing is committed before the app's COMMIT, so a lost connection here has a known outcome: nothing happened.
    do { return try await transaction.query(statement) } catch { throw TaskQueueError(error, .safe) }
  }
}
