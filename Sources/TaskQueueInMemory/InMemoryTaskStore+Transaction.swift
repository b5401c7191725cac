@_spi(Store) public import TaskQueue

extension InMemoryTaskStore: TransactionalTaskStore {
  /// Runs `body` in a transaction and commits it; rolls back if `body` throws. Waits until no other one is open.
  ///
  /// - Throws: what `body` throws; `TaskQueueError` with `storeFailed` if this very task has a transaction of this store open, or was
  ///   cancelled while it waited.
  public func withTransaction<Value>(_ body: (InMemoryTransaction) async throws -> Value) async throws -> Value {
    try await beginTurn()
    let transaction = InMemoryTransaction(of: self)
    let value: Value
    do {
      value = try await InMemoryTransaction.$current.withValue(InMemoryTransaction.current + [transaction]) {
        try await body(transaction)
      }
    } catch {
      lose(transaction)
      throw error
    }
    guard transaction.isOpen else {
      throw TaskQueueError(.storeFailed, "The connection of this transaction was lost. Nothing was stored.")
    }
    transaction.commit()
    turns.end()
    return value
  }

  /// Rolls the transaction back, as a server does that lost the connection: its body may still run, and everything that it does there throws. Nothing
  /// to do if it has ended.
  package func lose(_ transaction: InMemoryTransaction) {
    if transaction.rollBack() { turns.end() }
  }

  public func enqueue(
    _ tasks: [NewTask],
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    for task in tasks { try JSONValue.validate(task.payload, of: task.type) }
    return try transaction.change(of: self) { changes, live, now throws(TaskQueueError) in
      try live.limits.check(tasks.compactMap(\.limit))
      return tasks.map { changes.enqueue($0, on: &live, now: now) }
    }
  }

  public func settle(
    _ settlement: Settlement,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) {
    let applied = try transaction.change(of: self) { changes, live, now in
      changes.settle(settlement, on: &live, now: now)
    }
    guard applied else {
      throw TaskQueueError(
        .leaseLost,
        "Task \(settlement.claim.id) is no longer held by this claim; roll the transaction back."
      )
    }
  }

  public func deleteDuplicates(
    _ filter: DuplicateFilter,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> Int {
    try transaction.change(of: self) { changes, live, now in
      changes.deleteDuplicates(filter, on: &live, now: now)
    }
  }

  public func beginEffect(
    _ intent: EffectIntent,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> EffectDecision {
    try transaction.change(of: self) { changes, live, now in
      changes.beginEffect(intent, on: &live, now: now)
    }
  }

  public func endEffect(
    _ call: EffectCall,
    _ outcome: EffectOutcome,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) {
    _ = try transaction.change(of: self) { changes, live, now in
      changes.endEffect(call, outcome, on: &live, now: now)
    }
  }
}

// MARK: Inbox

extension InMemoryTaskStore {
  public func receive(
    _ event: CallbackEvent,
    retention: Duration,
    wake task: NewTask,
    in transaction: InMemoryTransaction?
  ) async throws(TaskQueueError) -> CallbackReceipt {
    try JSONValue.validate(task.payload, of: task.type)
    if let transaction {
      return try transaction.change(of: self) { changes, live, now throws(TaskQueueError) in
        try live.limits.check([task].compactMap(\.limit))
        let isNew = changes.record(event, isRemembered: false, retention: retention, on: &live, now: now)
        return isNew ? .accepted(changes.enqueue(task, on: &live, now: now)) : .duplicate
      }
    }
    return try await step { state, now throws(TaskQueueError) in
      try state.limits.check([task].compactMap(\.limit))
      guard !state.locks.events.contains(event.inboxID), !state.isLocked(task) else { return nil }
      let isNew = state.inbox.record(event, isRemembered: false, retention: retention, now: now)
      return isNew ? .accepted(state.enqueue(task, now: now)) : .duplicate
    }
  }

  /// Nothing to do: another transaction that decides about the subject waits for the end of this one, as every other does.
  public func lockSubject(
    _ subject: String,
    source: String,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) {
    try transaction.change(of: self) { _, _, _ in }
  }

  public func remember(
    _ event: CallbackEvent,
    retention: Duration,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> Bool {
    guard JSONValue.isValid(event.payload) else {
      throw TaskQueueError(
        .encodingFailed,
        "The payload of an event from \(event.source) is not valid JSON. Nothing was stored."
      )
    }
    return try transaction.change(of: self) { changes, live, now in
      changes.record(event, isRemembered: true, retention: retention, on: &live, now: now)
    }
  }

  public func claimEvents(
    source: String,
    subject: String,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> [RememberedEvent] {
    try transaction.change(of: self) { changes, live, now in
      changes.claimEvents(source: source, subject: subject, on: &live, now: now)
    }
  }

  public func purgeExpiredEvents() async throws(TaskQueueError) -> Int {
    mutate { state, now in state.purgeExpiredEvents(now: now) }
  }
}
