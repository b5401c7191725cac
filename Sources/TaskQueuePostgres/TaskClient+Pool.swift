public import Libpq
@_spi(Store) public import TaskQueue

extension TaskClient where Store == PostgresTaskStore {
  /// The store's connections, for the app's own statements and transactions.
  public var pool: LibpqPool { store.pool }

  /// As ``withTransaction(_:)``, perhaps in one transaction with what other callers do at the moment: so many short transactions cost few
  /// commits. The body may run twice, the second time with nothing of the first one left, and must do nothing but ask the database; see
  /// `LibpqTransactionGroups`.
  ///
  /// - Parameter order: of the bodies in a group: what they lock, such as the business row's id.
  @discardableResult
  public func withGroupedTransaction<Value: Sendable>(
    order: String,
    _ body: @escaping @Sendable (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await store.withGroupedTransaction(order: order, body)
  }

  /// Completes a handler's task, runs `statements` and stores `followUps`, all in one round trip and one transaction, perhaps together with what
  /// other handlers complete at the moment: the cheapest way to complete a task with business rows. The handler then returns
  /// `TaskOutcome.settledInTransaction`.
  ///
  /// The fence comes first: if the claim no longer holds the task, nothing is run. Where one of those that share a transaction fails, waits for a
  /// lock for 250 ms, or runs for 500 ms, nothing of it is kept, and each runs once more in one of its own. So a statement must do nothing that a
  /// rollback doesn't undo, and call no function that leaves a setting of the transaction behind.
  ///
  /// Statements share a transaction if they read and write rows. With one that does something else (`CALL`, `DO`, `SET`, `set_config`, DDL), they
  /// have a transaction of their own, for one more round trip. One that begins or ends a transaction is refused, and so is COPY from or to the
  /// client.
  ///
  /// - Returns: what each of `statements` returned.
  /// - Throws: `LibpqError` of a statement, with `invalidArgument` for one that is refused; `TaskQueueError` with `leaseLost`, `storeFailed`,
  ///   `unknownLimit` of a follow-up, or `outcomeUnknown` if the connection broke: let it leave the handler. If the transaction was committed all
  ///   the same, the task is gone, and the failed attempt changes nothing; if not, it comes back.
  @discardableResult
  public func complete(
    _ context: TaskContext,
    with statements: [LibpqStatement],
    enqueuing followUps: [NewTask] = []
  ) async throws -> [LibpqResult] {
    guard !followUps.isEmpty else { return try await store.complete(context, with: statements).results }
    var results: [LibpqResult] = []
    var refusal: (any Error)?
    do {
      _ = try await passing(followUps) { followUps throws(TaskQueueError) in
        do {
          let completion = try await store.complete(context, with: statements, enqueuing: followUps)
          results = completion.results
          return completion.enqueued
        } catch {
          refusal = error
          throw error as? TaskQueueError ?? TaskQueueError(.storeFailed, "A statement failed.", underlying: error)
        }
      }
    } catch {
      throw refusal ?? error
    }
    return results
  }
}
