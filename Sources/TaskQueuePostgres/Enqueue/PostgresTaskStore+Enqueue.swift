import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore {
  /// One task without a unique key shares a statement and a commit with those that are enqueued through this store at the same time; a
  /// lone caller waits for nobody. Several tasks are one round trip; from 500 on, or 1 MiB, a transaction with a binary COPY.
  ///
  /// A cancelled call's task may be stored all the same; other callers' tasks are not affected by its cancellation. A statement that several
  /// callers share ends when all of them are cancelled.
  ///
  /// - Throws: `outcomeUnknown` if the connection broke before the commit was confirmed.
  public func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    if tasks.count == 1, tasks[0].unique == nil { return [try await groups.enqueue(tasks[0])] }
    return try await tryingAgain { () async throws(TaskQueueError) in try await store(tasks) }
  }

  /// How often a call is tried that is in conflict with other transactions: a deadlock, or, under SERIALIZABLE and REPEATABLE READ, a unique key
  /// that another one has just stored.
  private static var maxTries: Int { 20 }

  /// For a call that is a transaction of its own: nothing of it was kept.
  func tryingAgain<Value>(_ body: () async throws(TaskQueueError) -> Value) async throws(TaskQueueError) -> Value {
    for attempt in 1..<Self.maxTries {
      do throws(TaskQueueError) { return try await body() } catch {
        guard error.isConflict else { throw error }
        try? await Task.sleep(for: .milliseconds(Int.random(in: 1...(5 * attempt))))
      }
    }
    return try await body()
  }

  private func store(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    if !TaskCopy.suits(tasks) {
      let batches = EnqueueBatch.batches(of: tasks)
      guard let first = batches.first else { return [] }
      if batches.count == 1 { return try await store(first) }
    }
    do {
      return try await pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
        try await self.enqueue(tasks, in: transaction)
      }
    } catch let error as TaskQueueError {
      throw error
    } catch let error as LibpqError {
      throw TaskQueueError(error, .unsafe)
    } catch {
      throw TaskQueueError(.storeFailed, "The transaction failed.", underlying: error)
    }
  }

  private func store(_ batch: EnqueueBatch) async throws(TaskQueueError) -> [EnqueueResult] {
    try EnqueueResult.results(try await query(try statement(batch), .unsafe), count: batch.count)
  }

  func statement(_ batch: EnqueueBatch) throws(TaskQueueError) -> LibpqStatement {
    statements.enqueue(try batch.parameters(wakes: configuration.wakesUp))
  }

  func query(
    _ statement: LibpqStatement,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> LibpqResult {
    // Nothing is committed before the app's COMMIT, so a lost connection here has a known outcome: nothing happened.
    do { return try await transaction.query(statement) } catch { throw TaskQueueError(error, .safe) }
  }
}

extension TaskQueueError {
  /// Nothing was kept, and the next try sees what was in the way.
  fileprivate var isConflict: Bool {
    guard let error = underlying as? LibpqError, !error.isOutcomeUnknown else { return false }
    return error.sqlState == "40001" || error.sqlState == "40P01"
  }
}

extension EnqueueResult {
  /// What `_enqueue_many` returned.
  static func results(_ result: LibpqResult, count: Int) throws(TaskQueueError) -> [EnqueueResult] {
    guard result.rowCount == count else {
      throw TaskQueueError(.storeFailed, "\(result.rowCount) of \(count) tasks were stored; a trigger dropped some?")
    }
    var results: [EnqueueResult] = []
    results.reserveCapacity(count)
    do throws(LibpqError) {
      for row in result.rows { results.append(EnqueueResult(id: TaskID(try row.int8(0)), isNew: try row.bool(1))) }
    } catch {
      throw TaskQueueError(error, .safe)
    }
    return results
  }
}
