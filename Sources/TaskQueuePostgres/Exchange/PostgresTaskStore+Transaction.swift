public import Libpq
public import TaskQueue

extension PostgresTaskStore {
  /// Completes a claimed task in the app's transaction: whatever else the transaction writes commits if and only if this does.
  ///
  /// One round trip, which also learns the transaction's id, so that `LibpqPool.withTransaction` can resolve a
  /// COMMIT without an answer. The task's row stays locked until the transaction ends: keep it short. The handler then returns
  /// `completedInTransaction`.
  ///
  /// - Throws: `leaseLost` if the claim no longer holds the task. Let it leave the transaction's body, so that everything is
  ///   rolled back.
  public func complete(_ claim: Claim, in transaction: LibpqTransaction) async throws(TaskQueueError) {
    let result = try await query(
      statements.completeInTransaction(.int8Array([claim.id.rawValue]), .int8Array([claim.token])),
      in: transaction
    )
    let (transactionID, applied) = try read { () throws(LibpqError) in
      (UInt64(try result[0].int8(0)), try result[0].bool(1))
    }
    transaction.transactionID = transactionID
    guard applied else {
      throw TaskQueueError(.leaseLost, "Task \(claim.id) is no longer held by this claim; roll the transaction back.")
    }
  }

  /// ``complete(_:in:)`` for a handler's context.
  public func complete(_ context: TaskContext, in transaction: LibpqTransaction) async throws(TaskQueueError) {
    try await complete(context.claim, in: transaction)
  }

  /// Runs `body` in a transaction of the store's pool that has completed the claimed task already, and commits both.
  ///
  /// The fence comes first: a worker that lost its lease does none of the body's work, and nobody can take the task over before
  /// the transaction ends. A COMMIT without an answer is looked up.
  ///
  /// - Throws: what `body` throws (everything is rolled back); `TaskQueueError` with `leaseLost`, `outcomeUnknown` if the
  ///   commit could not be looked up, `storeFailed`.
  public func withCompletion<Value>(
    of claim: Claim,
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    do {
      return try await pool.withTransaction { transaction in
        try await complete(claim, in: transaction)
        do { return try await body(transaction) } catch let error as LibpqError {
          throw BodyFailure(error: error)
        }
      }
    } catch let failure as BodyFailure {
      throw failure.error
    } catch let error as LibpqError {
      throw TaskQueueError(error, .unsafe)
    }
  }

  /// ``withCompletion(of:_:)`` for a handler's context.
  public func withCompletion<Value>(
    of context: TaskContext,
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await withCompletion(of: context.claim, body)
  }

  /// Keeps the body's own database errors apart from those of BEGIN and COMMIT.
  private struct BodyFailure: Error {
    let error: LibpqError
  }
}
