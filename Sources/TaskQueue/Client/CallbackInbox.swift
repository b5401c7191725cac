/// Takes in callbacks: each event counts once, and wakes the one task that looks after its subject.
///
/// The task is coalesced by its unique key: a waiting one is pulled forward, a running one is marked to run once more and
/// otherwise left alone, so repeated, reordered and concurrent callbacks neither pile up nor get lost. Event and task are one
/// transaction: after a rollback or a crash nothing of both is left, and the source's next delivery is a new one.
public struct CallbackInbox<Store: TransactionalTaskStore>: Sendable {
  private let store: Store
  private let retention: Duration

  /// - Parameter retention: how long an event is known as received, and one with an unknown subject waits; 30 days. It must be longer
  ///   than the source redelivers (Stripe: 3 days), and at most 100 years. ``purgeExpired()`` deletes what is older.
  public init(store: Store, retention: Duration = .seconds(30 * 86_400)) {
    self.store = store
    self.retention = retention
  }

  /// Receives an event and wakes a task. One round trip, one commit.
  ///
  /// - Parameter task: needs a unique key with mode ``UniqueKey/Mode/coalesce``.
  /// - Throws: `invalidName`, `invalidOption`, `payloadTooLarge`; `storeFailed`: nothing was recorded or the answer was lost, and
  ///   receiving it again is safe.
  @discardableResult
  public func receive(_ event: CallbackEvent, wake task: NewTask) async throws(TaskQueueError) -> CallbackReceipt {
    try validate(event, task)
    return try await store.receive(event, retention: retention, wake: task, in: nil)
  }

  /// ``receive(_:wake:)-(_,NewTask)`` in the app's transaction, together with what else it writes. One round trip.
  @discardableResult
  public func receive(
    _ event: CallbackEvent,
    wake task: NewTask,
    in transaction: Store.Transaction
  ) async throws(TaskQueueError) -> CallbackReceipt {
    try validate(event, task)
    return try await store.receive(event, retention: retention, wake: task, in: transaction)
  }

  /// Receives an event whose subject may not be known yet, in a transaction of the store's own; five round trips.
  ///
  /// - Parameters:
  ///   - event: with a subject.
  ///   - task: looks the subject up in the transaction and says which task looks after it; nil: the event is remembered with its
  ///     payload until the subject becomes known. It runs while nobody else can make the subject known: see
  ///     ``claimEvents(source:subject:in:)``.
  /// - Throws: what `task` throws (nothing is recorded); else as ``receive(_:wake:)``.
  @discardableResult
  public func receive(
    _ event: CallbackEvent,
    wake task: (Store.Transaction) async throws -> NewTask?
  ) async throws -> CallbackReceipt {
    try event.validate()
    try validateRetention()
    guard let subject = event.subject else {
      throw TaskQueueError(.invalidOption, "An event whose subject may be unknown needs a subject.")
    }
    return try await store.withReadCommittedTransaction { transaction in
      try await store.lockSubject(subject, source: event.source, in: transaction)
      if let task = try await task(transaction) { return try await receive(event, wake: task, in: transaction) }
      let isNew = try await store.remember(event, retention: retention, in: transaction)
      return isNew ? .remembered : .duplicate
    }
  }

  /// Hands over the events remembered for a subject, once, oldest first; at most ``Limits/page`` per call.
  ///
  /// Call it in the transaction that makes the subject known (the one that stores the provider's id), before or after that
  /// write. An event arriving meanwhile waits for this transaction's end and then finds the subject, or was remembered before and is
  /// handed over here: none falls between. The transaction must be READ COMMITTED, the default. One round trip.
  public func claimEvents(
    source: String,
    subject: String,
    in transaction: Store.Transaction
  ) async throws(TaskQueueError) -> [RememberedEvent] {
    try CallbackEvent.validate(source, "source", maxBytes: 128)
    try CallbackEvent.validate(subject, "subject", maxBytes: 256)
    return try await store.claimEvents(source: source, subject: subject, in: transaction)
  }

  /// Deletes events older than their retention, remembered ones too; at most ``Limits/page`` per call. By index.
  /// - Returns: how many.
  public func purgeExpired() async throws(TaskQueueError) -> Int { try await store.purgeExpiredEvents() }

  private func validateRetention() throws(TaskQueueError) {
    guard retention > .zero, retention <= Limits.delay else {
      throw .invalidOption("An inbox's retention is \(retention); it must be above zero, and at most \(Limits.delay).")
    }
  }

  private func validate(_ event: CallbackEvent, _ task: NewTask) throws(TaskQueueError) {
    try event.validate()
    try validateRetention()
    try EnqueueOptions.validateHeaders(task.headers)
    guard task.unique?.mode == .coalesce else {
      throw TaskQueueError(
        .invalidOption,
        "A task woken by callbacks needs a unique key with mode coalesce: otherwise callbacks pile up or are missed."
      )
    }
  }
}
