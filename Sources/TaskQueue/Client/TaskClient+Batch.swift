extension TaskClient where Store: TransactionalTaskStore {
  /// Runs `body` in a transaction of the store's own that has completed the batch's tasks already, and commits all of it together.
  ///
  /// The fence comes first: `body` gets the tasks that are still this worker's, and nobody can take them over before the transaction ends.
  /// The others are left out, and end with `leaseLost`. Tasks whose outcome was told before (``TaskBatch/fail(_:_:)``,
  /// ``TaskBatch/settle(_:_:)``) are left out, too. One round trip for all; `body` is not called without tasks.
  ///
  /// If it throws, all is rolled back: catch the error and try again with fewer tasks, or let it end the batch.
  ///
  /// - Parameter tasks: of this batch; a part of it, if the rest is to have transactions or outcomes of its own.
  /// - Returns: what `body` returned; nil: none of the tasks is this worker's any more.
  /// - Throws: what `body` throws; ``TaskQueueError`` with `outcomeUnknown` if the commit could not be looked up, `storeFailed`.
  @discardableResult
  public func withCompletion<Payload, Value>(
    of tasks: [BatchTask<Payload>],
    in batch: TaskBatch,
    _ body: (Transaction, [BatchTask<Payload>]) async throws -> Value
  ) async throws -> Value? {
    let open = tasks.filter { !batch.isSettled($0) }
    guard !open.isEmpty else { return nil }
    let (value, applied) = try await withTransaction { transaction -> (Value?, [Bool]) in
      let applied = try await complete(open.map(\.context), in: transaction)
      let held = zip(open, applied).filter(\.1).map(\.0)
      return (held.isEmpty ? nil : try await body(transaction, held), applied)
    }
    for (task, isApplied) in zip(open, applied) {
      if isApplied {
        batch.settle(task, .settledInTransaction)
      } else {
        batch.fail(
          task,
          TaskQueueError(
            .leaseLost,
            "Task \(task.context.id) is no longer held by this claim; its batch went on without it."
          )
        )
      }
    }
    return value
  }

  /// In one call, unless some are kept or counted: then one after the other, by ascending id, as the one call locks them.
  private func complete(
    _ contexts: [TaskContext],
    in transaction: Transaction
  ) async throws(TaskQueueError) -> [Bool] {
    let settlements = contexts.compactMap { Settlement($0, .completed) }
    let isPlain = settlements.allSatisfy { if case .complete = $0.action { true } else { false } }
    if isPlain { return try await store.complete(contexts.map(\.claim), in: transaction) }
    var applied = [Bool](repeating: false, count: settlements.count)
    for index in settlements.indices.sorted(by: { settlements[$0].claim.id < settlements[$1].claim.id }) {
      do throws(TaskQueueError) {
        try await store.settle(settlements[index], in: transaction)
        applied[index] = true
      } catch {
        guard error.code == .leaseLost else { throw error }
      }
    }
    return applied
  }
}
