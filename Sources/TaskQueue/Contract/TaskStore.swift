/// A place where tasks are kept: `PostgresTaskStore`, or `InMemoryTaskStore` for unit tests.
///
/// Apps make one and hand it to ``TaskClient`` and ``TaskWorker``; there is nothing to call on it. Authors of stores conform to the
/// SPI protocol `StoreContract`.
public protocol TaskStore: Sendable {}

extension TaskStore {
  /// The store as the engine sees it.
  var contract: any StoreContract {
    guard let contract = self as? any StoreContract else {
      preconditionFailure(
        "\(Self.self) is no store: it has to conform to StoreContract (@_spi(Store) import TaskQueue)"
      )
    }
    return contract
  }
}

/// What a store promises. The store decides atomically, the engine decides when: a store has no timers and no retries.
///
/// Every method either does all of what it says or throws ``TaskQueueError`` and does nothing; `outcomeUnknown` is the one
/// exception. Every store passes the conformance suite of `TaskQueueConformance`. Due times and leases are judged by the
/// store's own clock.
///
/// SPI for authors of stores, outside of semantic versioning: requirements may be added in any version.
@_spi(Store) public protocol StoreContract: TaskStore {
  /// Stores all of the tasks or none. Results in the order of `tasks`; an empty array is a no-op. Two tasks with one unique
  /// key in one call behave as two calls.
  func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult]

  /// Settles, then claims, in one round trip and one commit. Either part may be absent.
  func exchange(settle settlements: [Settlement], claim request: ClaimRequest?) async throws(TaskQueueError) -> Exchange

  /// Who may yet commit tasks behind the ``ScanPosition`` of others. Cheap: a busy worker asks four times a second.
  /// - Returns: nil if tasks are always seen in the order in which they were stored.
  func openWriters() async throws(TaskQueueError) -> OpenWriters?

  /// Lets the claims hold their tasks for `lease` from now. Results in the order of `claims`.
  func renew(_ claims: [Claim], lease: Duration) async throws(TaskQueueError) -> [Renewal]

  /// Calls `onHint` for changes, until cancelled (returns) or broken (throws). Calls it with ``StoreHint/resync`` once
  /// it listens.
  func watch(_ onHint: @escaping @Sendable (StoreHint) -> Void) async throws(TaskQueueError)

  /// - Throws: `unknownTask` if the id was never given out.
  func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult

  /// Makes a waiting task due at once if it still has that attempt count and no worker holds it.
  /// - Returns: whether it did.
  func runNow(_ id: TaskID, expectedAttempt: Int) async throws(TaskQueueError) -> Bool

  /// No task of a paused queue is claimed by anyone; running ones go on. Idempotent.
  func pause(_ queue: QueueName) async throws(TaskQueueError)
  func resume(_ queue: QueueName) async throws(TaskQueueError)
  func pausedQueues() async throws(TaskQueueError) -> [QueueName]

  /// Removes older waiting tasks of the same type and property value; never one that a worker holds.
  /// - Returns: how many.
  func deleteDuplicates(_ filter: DuplicateFilter) async throws(TaskQueueError) -> Int

  /// The live task, or nil if it is finished, dead or unknown.
  func task(_ id: TaskID) async throws(TaskQueueError) -> TaskSnapshot?
  /// Live tasks by ascending id, after the given one; at most ``Limits/page``.
  func tasks(after id: TaskID?, limit: Int) async throws(TaskQueueError) -> [TaskSnapshot]
  /// Counts of live tasks by queue, type and state. Reads the whole table; not for every second.
  func counts() async throws(TaskQueueError) -> [TaskCount]
  /// Due tasks in these queues whose type is not among these, counted up to ``Limits/page`` each.
  func unhandled(queues: [QueueName], knownTypes: [TaskType]) async throws(TaskQueueError) -> [TaskCount]

  /// Dead letters by ascending id, after the given one; at most ``Limits/page``.
  func deadLetters(_ filter: DeadLetterFilter, after id: TaskID?, limit: Int) async throws(TaskQueueError)
    -> [DeadLetter]
  /// Makes dead letters live again under their old ids: due at once, counters fresh, no deadline, error history kept. One whose unique key
  /// is taken by a live task stays dead. At most ``Limits/page`` per call, oldest first.
  /// - Returns: the ids redriven.
  func redrive(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> [TaskID]
  /// Deletes dead letters for good. At most ``Limits/page`` per call, oldest first.
  /// - Returns: how many.
  func purge(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> Int
  /// Drops finished tasks whose unique key's period is over; at most ``Limits/page`` per call.
  /// - Returns: how many.
  func dropExpiredKeys() async throws(TaskQueueError) -> Int
}
