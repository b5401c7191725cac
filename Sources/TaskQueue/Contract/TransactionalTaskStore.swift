/// A store whose calls can be part of a transaction of the app's own. Apps use ``TaskClient``'s methods `in:` a transaction.
///
/// For authors of stores. Every requirement is one step of the given transaction: it exists when that commits, and never did when it
/// rolls back. None throws `outcomeUnknown`: that belongs to the commit.
public protocol TransactionalTaskStore: TaskStore {
  /// An open transaction, such as `LibpqTransaction`.
  associatedtype Transaction

  /// Runs `body` in a transaction on a connection of the store's own and commits it; rolls back if `body` throws.
  ///
  /// - Throws: what `body` throws; ``TaskQueueError`` with `outcomeUnknown` if the commit could not be looked up, `storeFailed`.
  func withTransaction<Value>(_ body: (Transaction) async throws -> Value) async throws -> Value

  /// As ``withTransaction(_:)``, but each statement sees what was committed before it, whatever isolation is the database's default. By
  /// default ``withTransaction(_:)``, for stores without isolation levels.
  func withReadCommittedTransaction<Value>(_ body: (Transaction) async throws -> Value) async throws -> Value

  /// Stores all of the tasks, in order. An empty array is a no-op.
  func enqueue(_ tasks: [NewTask], in transaction: Transaction) async throws(TaskQueueError) -> [EnqueueResult]

  /// Records the outcome of an attempt. The task stays locked until the transaction ends.
  ///
  /// - Throws: `leaseLost` if the claim no longer holds the task; the transaction is to be rolled back.
  func settle(_ settlement: Settlement, in transaction: Transaction) async throws(TaskQueueError)

  /// As ``settle(_:in:)``, but perhaps later: with the transaction's next statement, ahead of it, or at its end. By default ``settle(_:in:)``.
  ///
  /// - Throws: as ``settle(_:in:)``, unless it is later: then the next statement fails, and the transaction with `leaseLost`.
  func settleAhead(_ settlement: Settlement, in transaction: Transaction) async throws(TaskQueueError)

  /// Completes those of the claims that still hold their tasks, which stay locked until the transaction ends. By default one
  /// ``settle(_:in:)`` after the other.
  ///
  /// - Returns: for each claim in order: whether it was applied. The transaction may go on without the others.
  func complete(_ claims: [Claim], in transaction: Transaction) async throws(TaskQueueError) -> [Bool]

  /// Removes older waiting tasks of the same type and property value; never one that a worker holds.
  func deleteDuplicates(_ filter: DuplicateFilter, in transaction: Transaction) async throws(TaskQueueError) -> Int

  /// Asks for leave to make an external call, and stores the intent if it is given; as `EffectLedger/beginEffect(_:)`. The task stays locked until
  /// the transaction ends.
  func beginEffect(_ intent: EffectIntent, in transaction: Transaction) async throws(TaskQueueError) -> EffectDecision

  /// Records how an external call ended.
  func endEffect(
    _ call: EffectCall,
    _ outcome: EffectOutcome,
    in transaction: Transaction
  ) async throws(TaskQueueError)

  /// Keeps the task of a claim from being taken over until the transaction ends.
  /// - Returns: false: the claim does not hold the task, or its lease is over.
  func hold(_ claim: Claim, in transaction: Transaction) async throws(TaskQueueError) -> Bool

  /// Records a step of a flow.
  /// - Returns: false: the claim does not hold the task, or its lease is over.
  func record(_ step: FlowStep, by claim: Claim, in transaction: Transaction) async throws(TaskQueueError) -> Bool

  /// Stores an event for flows. The first one with a key counts, until it expires.
  /// - Returns: whether this is it.
  func emit(_ event: FlowEvent, in transaction: Transaction) async throws(TaskQueueError) -> Bool

  /// Makes a group of tasks that were stored in this transaction, have no unique keys, and are in no other group: their ends are counted
  /// (`GroupStore`).
  ///
  /// - Parameters:
  ///   - atMost: so many of them at a time; the others are not due before it is their turn. nil: all.
  ///   - parent: the flow that waits for them.
  ///   - callback: another task of this transaction, which is due when all have ended, and has the group in the header `taskqueue-group`.
  func makeGroup(
    of tasks: [TaskID],
    atMost: Int?,
    parent: TaskID?,
    callback: TaskID?,
    in transaction: Transaction
  ) async throws(TaskQueueError) -> GroupID

  /// Records an event and, only if it is new, enqueues the task. nil: in a transaction of its own.
  func receive(
    _ event: CallbackEvent,
    retention: Duration,
    wake task: NewTask,
    in transaction: Transaction?
  ) async throws(TaskQueueError) -> CallbackReceipt

  /// Waits until no other transaction decides about this subject, and keeps others waiting.
  func lockSubject(_ subject: String, source: String, in transaction: Transaction) async throws(TaskQueueError)

  /// Records an event whose subject nobody knows yet, with its payload.
  /// - Returns: false: it was received before.
  func remember(
    _ event: CallbackEvent,
    retention: Duration,
    in transaction: Transaction
  ) async throws(TaskQueueError) -> Bool

  /// Hands over, once, the events remembered for a subject, oldest first; at most ``Limits/page``.
  func claimEvents(
    source: String,
    subject: String,
    in transaction: Transaction
  ) async throws(TaskQueueError) -> [RememberedEvent]

  /// Deletes expired events, remembered ones too; at most ``Limits/page``.
  /// - Returns: how many.
  func purgeExpiredEvents() async throws(TaskQueueError) -> Int
}

extension TransactionalTaskStore {
  public func settleAhead(_ settlement: Settlement, in transaction: Transaction) async throws(TaskQueueError) {
    try await settle(settlement, in: transaction)
  }

  public func complete(_ claims: [Claim], in transaction: Transaction) async throws(TaskQueueError) -> [Bool] {
    var applied: [Bool] = []
    for claim in claims {
      do throws(TaskQueueError) {
        try await settle(Settlement(claim, .complete), in: transaction)
        applied.append(true)
      } catch {
        guard error.code == .leaseLost else { throw error }
        applied.append(false)
      }
    }
    return applied
  }

  public func withReadCommittedTransaction<Value>(
    _ body: (Transaction) async throws -> Value
  ) async throws -> Value {
    try await withTransaction(body)
  }
}
