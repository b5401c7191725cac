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
/// What takes a `limit` ends within it, whatever hangs: the engine waits no longer and takes the call for failed. It may have been done all
/// the same.
///
/// SPI for authors of stores, outside of semantic versioning: requirements may be added in any version.
@_spi(Store) public protocol StoreContract: TaskStore {
  /// Stores all of the tasks or none. Results in the order of `tasks`; an empty array is a no-op. Two tasks with one unique
  /// key in one call behave as two calls.
  func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult]

  /// Looks whether the store can be worked with: its schema, privileges, settings. Called once when a worker starts.
  /// - Throws: `invalidConfiguration` with the cure if it never will be; what else it throws is tried again.
  func prepare(within limit: Duration) async throws(TaskQueueError)

  /// Settles, then claims, in one round trip and one commit. Either part may be absent. Neither waits for a row that somebody has locked.
  func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange

  /// Who may yet commit tasks behind the ``ScanPosition`` of others. Cheap: a busy worker asks four times a second.
  /// - Returns: nil if tasks are always seen in the order in which they were stored.
  func openWriters(within limit: Duration) async throws(TaskQueueError) -> OpenWriters?

  /// Lets the claims hold their tasks for `lease` from now. Results in the order of `claims`.
  func renew(_ claims: [Claim], lease: Duration, within limit: Duration) async throws(TaskQueueError) -> [Renewal]

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

  /// Stores what differs from what is known; keeps what people have set. In one transaction.
  func declare(_ rules: [LimitRule]) async throws(TaskQueueError)
  /// By name.
  func limits() async throws(TaskQueueError) -> [LimitStatus]
  /// - Throws: `unknownLimit`; `invalidOption` for more than one at a time of an ordered limit.
  func change(_ limit: String, _ change: LimitChange) async throws(TaskQueueError)
  /// Takes the next admission of a key for a call that is not a task's start.
  /// - Returns: how long to wait before the call; if that is above `longest`, nothing was taken. Without a rate: how long the key is paused.
  /// - Throws: `unknownLimit`.
  func take(_ limit: TaskLimit, within longest: Duration) async throws(TaskQueueError) -> Duration
  /// Admits nothing of a key for a time, at most ``Limits/limitWait``; a pause that is there is not shortened.
  /// - Throws: `unknownLimit`.
  func pause(_ limit: TaskLimit, for duration: Duration) async throws(TaskQueueError)

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
  func unhandled(
    queues: [QueueName],
    knownTypes: [TaskType],
    within limit: Duration
  ) async throws(TaskQueueError) -> [TaskCount]
  /// Queues other than these that are not paused and have a ready task of which nobody has taken notice for `duration`: most likely no worker serves
  /// them. At most ``Limits/page``, by name; its cost goes with the number of queues, not of tasks.
  func unserved(
    besides queues: [QueueName],
    dueFor duration: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [QueueName]

  /// Dead letters by ascending id, after the given one; at most ``Limits/page``.
  func deadLetters(_ filter: DeadLetterFilter, after id: TaskID?, limit: Int) async throws(TaskQueueError)
    -> [DeadLetter]
  /// Makes dead letters live again under their old ids: due at once, counters fresh, no deadline, error history kept. One whose unique key
  /// is taken by a live task stays dead, and one that is locked is passed over. Looks at ``Limits/page`` per call at most, oldest first.
  /// - Parameter cursor: where the call before this one ended; nil: a new walk begins.
  func redrive(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage
  /// Deletes dead letters for good; passes over those that are locked. At most ``Limits/page`` per call.
  /// - Parameter cursor: where the call before this one ended; nil: a new walk begins.
  func purge(_ filter: DeadLetterFilter, from cursor: DeadLetterCursor?) async throws(TaskQueueError) -> DeadLetterPage
  /// Drops finished tasks whose unique key's period is over; at most ``Limits/page`` per call.
  /// - Returns: how many.
  func dropExpiredKeys(within limit: Duration) async throws(TaskQueueError) -> Int
}

@_spi(Store) extension StoreContract {
  public func prepare(within limit: Duration) async throws(TaskQueueError) {}

  /// The first step alone.
  /// - Returns: the ids redriven.
  public func redrive(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> [TaskID] {
    try await redrive(filter, from: nil).ids
  }
  /// The first step alone.
  /// - Returns: how many.
  public func purge(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> Int {
    try await purge(filter, from: nil).ids.count
  }

  /// Without haste: for tests and people.
  public func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?
  ) async throws(TaskQueueError) -> Exchange {
    try await exchange(settle: settlements, claim: request, within: .seconds(60))
  }
  public func renew(_ claims: [Claim], lease: Duration) async throws(TaskQueueError) -> [Renewal] {
    try await renew(claims, lease: lease, within: .seconds(60))
  }
  public func openWriters() async throws(TaskQueueError) -> OpenWriters? { try await openWriters(within: .seconds(60)) }
  public func unhandled(queues: [QueueName], knownTypes: [TaskType]) async throws(TaskQueueError) -> [TaskCount] {
    try await unhandled(queues: queues, knownTypes: knownTypes, within: .seconds(60))
  }
  public func dropExpiredKeys() async throws(TaskQueueError) -> Int { try await dropExpiredKeys(within: .seconds(60)) }
}
