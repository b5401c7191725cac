extension TaskClient where Store: TransactionalTaskStore {
  /// An open transaction of the app's own.
  public typealias Transaction = Store.Transaction

  /// Runs `body` in a transaction of the store's connections and commits it; rolls back if `body` throws. The app may as well use
  /// transactions of its own on them, such as `store.pool.withTransaction`.
  ///
  /// - Throws: what `body` throws; ``TaskQueueError`` with `storeFailed`, or `outcomeUnknown` if the connection broke during the commit
  ///   and that could not be looked up. PostgreSQL is only asked if the transaction settled a task or its `transactionID` was set.
  @discardableResult
  public func withTransaction<Value>(_ body: (Transaction) async throws -> Value) async throws -> Value {
    try await store.withTransaction(body)
  }

  // MARK: Enqueue

  /// Stores one task in the app's transaction: it exists when that commits, and never did when it rolls back.
  ///
  /// One round trip. Workers are woken at commit. With PostgreSQL a failed statement aborts the transaction, as always.
  ///
  /// - Throws: as ``enqueue(_:options:)``, but never `outcomeUnknown`: that belongs to the commit.
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    _ payload: Payload,
    options: EnqueueOptions = .init(),
    in transaction: Transaction
  ) async throws(TaskQueueError) -> EnqueueResult {
    try await enqueue([newTask(payload, options: options)], in: transaction)[0]
  }

  /// Stores one task whose payload does not say its task type.
  @discardableResult
  public func enqueue<Payload: Encodable>(
    _ payload: Payload,
    as type: TaskType,
    options: EnqueueOptions = .init(),
    in transaction: Transaction
  ) async throws(TaskQueueError) -> EnqueueResult {
    try await enqueue([newTask(payload, as: type, options: options)], in: transaction)[0]
  }

  /// Stores several tasks in the app's transaction, with the same options. An empty array is a no-op.
  @discardableResult
  public func enqueue<Payload: TaskPayload>(
    all payloads: [Payload],
    options: EnqueueOptions = .init(),
    in transaction: Transaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    try await enqueue(newTasks(payloads, options: options), in: transaction)
  }

  /// Stores tasks of any types in the app's transaction, ids in their order. An empty array is a no-op.
  @discardableResult
  public func enqueue(
    _ tasks: [NewTask],
    in transaction: Transaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    guard !tasks.isEmpty else { return [] }
    return try await middleware.enqueue(tasks) { tasks throws(TaskQueueError) in
      try await store.enqueue(tasks, in: transaction)
    }
  }

  /// Hands tasks to a store's own way of storing them, with all middleware around it.
  @_spi(Store) public func passing(
    _ tasks: [NewTask],
    to body: @escaping ([NewTask]) async throws(TaskQueueError) -> [EnqueueResult]
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    try await middleware.enqueue(tasks, body)
  }

  // MARK: Complete

  /// Completes a handler's task in the app's transaction: whatever else the transaction writes commits if and only if this does.
  ///
  /// One round trip. The task's row stays locked until the transaction ends: keep it short. The handler then returns
  /// ``TaskOutcome/settledInTransaction``.
  ///
  /// - Throws: `leaseLost` if the claim no longer holds the task. Let it leave the transaction's body, so that everything is
  ///   rolled back.
  public func complete(_ context: TaskContext, in transaction: Transaction) async throws(TaskQueueError) {
    try await settle(context, .completed, in: transaction)
  }

  /// ``complete(_:in:)-(TaskContext,_)`` without a round trip of its own: it travels with the transaction's next statement, ahead of it, or
  /// at the latest before the commit.
  ///
  /// For a claim that no longer holds the task that statement fails, nothing is written, and the transaction ends with `leaseLost`. The
  /// task's row is locked from then on, not yet when this returns.
  public func completeAhead(_ context: TaskContext, in transaction: Transaction) async throws(TaskQueueError) {
    if let settlement = Settlement(context, .completed) { try await store.settleAhead(settlement, in: transaction) }
  }

  /// ``complete(_:in:)-(TaskContext,_)`` for whoever has the claim only, of a task that is no flow, no child, and is not kept: nothing is known of
  /// the others' ends then.
  public func complete(_ claim: Claim, in transaction: Transaction) async throws(TaskQueueError) {
    try await store.settle(Settlement(claim, .complete), in: transaction)
  }

  /// Records any outcome of a handler's attempt in the app's transaction. The handler then returns
  /// ``TaskOutcome/settledInTransaction``.
  ///
  /// - Throws: as ``complete(_:in:)-(TaskContext,_)``; `invalidOption` for ``TaskOutcome/settledInTransaction``, which records nothing.
  public func settle(
    _ context: TaskContext,
    _ outcome: TaskOutcome,
    in transaction: Transaction
  ) async throws(TaskQueueError) {
    guard let settlement = Settlement(context, outcome) else {
      throw TaskQueueError(
        .invalidOption,
        "settledInTransaction is what the handler returns afterwards; say which outcome the transaction is to record."
      )
    }
    try await store.settle(settlement, in: transaction)
  }

  /// Runs `body` in a transaction of the store's own that completes the handler's task, and commits both.
  ///
  /// The fence is ahead of the body's first statement, and travels with it (``completeAhead(_:in:)``): a worker that lost its lease writes
  /// nothing, and from that statement on nobody can take the task over before the transaction ends. What the body does before it, or beside the
  /// database, is not fenced: call ``complete(_:in:)-(TaskContext,_)`` first, in ``withTransaction(_:)``, if it does such a thing. A commit without
  /// an answer is looked up. With a body of one statement it costs two round trips; `complete(_:with:)` of `TaskQueuePostgres` costs one.
  /// The handler then returns ``TaskOutcome/settledInTransaction``.
  ///
  /// - Throws: what `body` throws (everything is rolled back); ``TaskQueueError`` with `leaseLost`, `outcomeUnknown` if the
  ///   commit could not be looked up, `storeFailed`.
  @discardableResult
  public func withCompletion<Value>(
    of context: TaskContext,
    _ body: (Transaction) async throws -> Value
  ) async throws -> Value {
    try await withTransaction { transaction in
      try await completeAhead(context, in: transaction)
      return try await body(transaction)
    }
  }

  /// ``withCompletion(of:_:)-(TaskContext,_)`` for whoever has the claim only.
  @discardableResult
  public func withCompletion<Value>(
    of claim: Claim,
    _ body: (Transaction) async throws -> Value
  ) async throws -> Value {
    try await withTransaction { transaction in
      try await store.settleAhead(Settlement(claim, .complete), in: transaction)
      return try await body(transaction)
    }
  }

  /// Records the success of an effect in the app's transaction, such as the one that completes the task. Nothing to do if it is
  /// recorded already.
  ///
  /// No round trip of its own, as ``completeAhead(_:in:)``; locks the effect's row until the transaction ends. To keep the order of locks,
  /// complete the task first.
  ///
  /// - Throws: `storeFailed`, or the transaction ends with it.
  public func record<Value>(_ receipt: EffectReceipt<Value>, in transaction: Transaction) async throws(TaskQueueError) {
    guard let outcome = receipt.unrecorded else { return }
    try await store.endEffect(receipt.call, outcome, in: transaction)
  }

  /// ``deleteDuplicates(_:)`` in the app's transaction.
  @discardableResult
  public func deleteDuplicates(
    _ filter: DuplicateFilter,
    in transaction: Transaction
  ) async throws(TaskQueueError) -> Int {
    try await store.deleteDuplicates(filter, in: transaction)
  }
}
