@_spi(Store) public import TaskQueue
public import TaskQueueInMemory

/// An attempt may crash before a transaction, where it would commit, and after that. One that crashes inside is rolled back.
extension FlowTestStore: TransactionalTaskStore {
  public func withTransaction<Value>(_ body: (InMemoryTransaction) async throws -> Value) async throws -> Value {
    try await gate.pass("before a transaction begins")
    let value = try await memory.withTransaction { transaction in
      gate.opened(transaction)
      defer { gate.closed(transaction) }
      let value = try await body(transaction)
      try await gate.pass("before a transaction commits")
      return value
    }
    gate.note("transaction committed")
    gate.noteCommit()
    try await gate.pass("after a transaction committed")
    return value
  }

  public func enqueue(
    _ tasks: [NewTask],
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> [EnqueueResult] {
    try await memory.enqueue(tasks, in: transaction)
  }

  public func settle(_ settlement: Settlement, in transaction: InMemoryTransaction) async throws(TaskQueueError) {
    try await memory.settle(settlement, in: transaction)
    switch settlement.action {
    case .complete, .conclude: gate.noteCompleting()
    default: break
    }
  }

  public func deleteDuplicates(
    _ filter: DuplicateFilter,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> Int {
    try await memory.deleteDuplicates(filter, in: transaction)
  }

  public func beginEffect(
    _ intent: EffectIntent,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> EffectDecision {
    try await memory.beginEffect(intent, in: transaction)
  }

  public func endEffect(
    _ call: EffectCall,
    _ outcome: EffectOutcome,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) {
    try await memory.endEffect(call, outcome, in: transaction)
  }

  public func hold(_ claim: Claim, in transaction: InMemoryTransaction) async throws(TaskQueueError) -> Bool {
    try await memory.hold(claim, in: transaction)
  }

  public func record(
    _ step: FlowStep,
    by claim: Claim,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> Bool {
    try await memory.record(step, by: claim, in: transaction)
  }

  public func emit(_ event: FlowEvent, in transaction: InMemoryTransaction) async throws(TaskQueueError) -> Bool {
    try await memory.emit(event, in: transaction)
  }

  public func makeGroup(
    of tasks: [TaskID],
    atMost: Int?,
    parent: TaskID?,
    callback: TaskID?,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> GroupID {
    try await memory.makeGroup(of: tasks, atMost: atMost, parent: parent, callback: callback, in: transaction)
  }

  public func receive(
    _ event: CallbackEvent,
    retention: Duration,
    wake task: NewTask,
    in transaction: InMemoryTransaction?
  ) async throws(TaskQueueError) -> CallbackReceipt {
    try await memory.receive(event, retention: retention, wake: task, in: transaction)
  }

  public func lockSubject(
    _ subject: String,
    source: String,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) {
    try await memory.lockSubject(subject, source: source, in: transaction)
  }

  public func remember(
    _ event: CallbackEvent,
    retention: Duration,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> Bool {
    try await memory.remember(event, retention: retention, in: transaction)
  }

  public func claimEvents(
    source: String,
    subject: String,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> [RememberedEvent] {
    try await memory.claimEvents(source: source, subject: subject, in: transaction)
  }

  public func purgeExpiredEvents() async throws(TaskQueueError) -> Int { try await memory.purgeExpiredEvents() }
}
