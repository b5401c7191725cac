import Synchronization
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A store in this process's memory, with the same semantics as the durable one: transactions, effects, callback inbox and
/// alarms too. For unit tests: nothing survives the process.
///
/// Time is what `now` says: give it a clock moved by hand (`ManualTime` of `TaskQueueTestKit`) and leases, delays and
/// backoff happen when the test says so. Every call is atomic and takes effect before it returns; it suspends only while an open
/// ``InMemoryTransaction`` has changed what it needs. Enqueue, claim and settle cost O(log n) per task; inspection, dead letters and `deleteDuplicates` look at every task.
public final class InMemoryTaskStore: TaskStore {
  private let now: @Sendable () -> Date
  fileprivate let state = Mutex(InMemoryState())
  fileprivate let watchers = Mutex(InMemoryWatchers())
  let turns = InMemoryTurns()

  /// - Parameter now: the store's clock. Must not go back.
  public init(now: @escaping @Sendable () -> Date = { Date() }) { self.now = now }

  /// One atomic step; afterwards, outside of the lock, watchers are told of what it changed.
  func mutate<Value: Sendable, Failure: Error>(
    _ body: (inout InMemoryState, Date) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    let (value, hints) = try state.withLock { state throws(Failure) in
      let now = now()
      state.limits.now = now
      let value = try body(&state, now)
      let hints = state.hints
      if !hints.isEmpty { state.hints = [] }
      return (value, hints)
    }
    if !hints.isEmpty { watchers.withLock { $0.post(hints) } }
    return value
  }

  /// One atomic step that may have to wait for the end of the open transaction.
  ///
  /// - Parameter body: nil, with nothing changed: something it needs is locked. It is called again when no transaction is open.
  /// - Throws: what `body` throws; `storeFailed` as ``beginTurn()``.
  func step<Value: Sendable>(
    _ body: (inout InMemoryState, Date) throws(TaskQueueError) -> Value?
  ) async throws(TaskQueueError) -> Value {
    if let value = try mutate(body) { return value }
    try await beginTurn()
    defer { turns.end() }
    guard let value = try mutate(body) else { preconditionFailure("something is locked without an open transaction") }
    return value
  }

  /// Waits until no transaction is open, and keeps others waiting until `turns.end()`.
  ///
  /// - Throws: `storeFailed` if that would never happen, because this very task is in the open one's body; or if cancelled.
  func beginTurn() async throws(TaskQueueError) {
    guard !InMemoryTransaction.current.contains(where: { $0.store === self && $0.isOpen }) else {
      throw TaskQueueError(
        .storeFailed,
        """
        This task has a transaction of this store open, and would wait for its end for ever. Pass that transaction on, \
        with `in: transaction`, instead of another one or none.
        """
      )
    }
    try await turns.begin()
  }
}

@_spi(Store) extension InMemoryTaskStore: StoreContract {
  public func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    for task in tasks { try JSONValue.validate(task.payload, of: task.type) }
    return try await step { state, now throws(TaskQueueError) in
      try state.limits.check(tasks.compactMap(\.limit))
      if tasks.contains(where: { state.isLocked($0) }) { return nil }
      return tasks.map { state.enqueue($0, now: now) }
    }
  }

  public func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    if let request { try ClaimRequest.validate(lease: request.lease) }
    return mutate { state, now in
      let settled = settlements.map { settlement -> SettlementResult in
        if state.isLocked(settlement) { return .busy }
        return state.settle(settlement, now: now) ? .applied : .lost
      }
      var exchange = request.map { state.claim($0, now: now) } ?? Exchange()
      exchange.settled = settled
      return exchange
    }
  }

  /// nil: storing is one step.
  public func openWriters(within limit: Duration) async throws(TaskQueueError) -> OpenWriters? { nil }

  public func renew(
    _ claims: [Claim],
    lease: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [Renewal] {
    try ClaimRequest.validate(lease: lease)
    return mutate { state, now in claims.map { state.renew($0, lease: lease, now: now) } }
  }

  public func watch(_ onHint: @escaping @Sendable (StoreHint) -> Void) async throws(TaskQueueError) {
    let (wakeUps, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
    let id = watchers.withLock { $0.add { continuation.yield() } }
    defer { watchers.withLock { $0.remove(id) } }
    continuation.yield()
    for await _ in wakeUps {
      for hint in watchers.withLock({ $0.takeHints(of: id) }) { onHint(hint) }
    }
  }

  public func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult {
    try await step { state, now throws(TaskQueueError) in
      state.locks.tasks.contains(id) ? nil : try state.cancel(id, now: now)
    }
  }

  public func runNow(_ id: TaskID, expectedAttempt: Int) async throws(TaskQueueError) -> Bool {
    try await step { state, now in
      state.locks.tasks.contains(id) ? nil : state.runNow(id, expectedAttempt: expectedAttempt, now: now)
    }
  }

  public func pause(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    mutate { state, now in
      if state.paused.insert(queue).inserted { state.pausedSince[queue] = now }
    }
  }

  public func resume(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    mutate { state, _ in
      if state.paused.remove(queue) != nil { state.hints.insert(.tasksAvailable(queue)) }
    }
  }

  public func pausedQueues() async throws(TaskQueueError) -> [QueueName] {
    state.withLock { $0.paused.sorted { $0.rawValue < $1.rawValue } }
  }

  public func declare(_ rules: [LimitRule]) async throws(TaskQueueError) {
    mutate { state, _ in state.declare(rules) }
  }

  public func limits() async throws(TaskQueueError) -> [LimitStatus] {
    state.withLock { $0.limits.statuses.values.sorted { $0.rule.name < $1.rule.name } }
  }

  public func change(_ limit: String, _ change: LimitChange) async throws(TaskQueueError) {
    try mutate { state, _ throws(TaskQueueError) in try state.change(limit, change) }
  }

  public func take(_ limit: TaskLimit, within longest: Duration) async throws(TaskQueueError) -> Duration {
    try mutate { state, _ throws(TaskQueueError) in try state.take(limit, within: longest) }
  }

  public func pause(_ limit: TaskLimit, for duration: Duration) async throws(TaskQueueError) {
    try mutate { state, now throws(TaskQueueError) in try state.pause(limit, for: duration, now: now) }
  }

  public func deleteDuplicates(_ filter: DuplicateFilter) async throws(TaskQueueError) -> Int {
    mutate { state, now in state.deleteDuplicates(filter, now: now) }
  }

  public func task(_ id: TaskID) async throws(TaskQueueError) -> TaskSnapshot? {
    mutate { state, now in state.snapshot(id, now: now) }
  }

  public func tasks(after id: TaskID?, limit: Int) async throws(TaskQueueError) -> [TaskSnapshot] {
    mutate { state, now in state.snapshots(after: id, limit: limit, now: now) }
  }

  public func counts() async throws(TaskQueueError) -> [TaskCount] {
    mutate { state, now in state.counts(now: now) }
  }

  public func unhandled(
    queues: [QueueName],
    knownTypes: [TaskType],
    within limit: Duration
  ) async throws(TaskQueueError) -> [TaskCount] {
    mutate { state, now in state.unhandled(queues: queues, knownTypes: knownTypes, now: now) }
  }

  public func unserved(
    besides queues: [QueueName],
    dueFor duration: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [QueueName] {
    mutate { state, now in state.unserved(besides: queues, since: now.adding(.zero - duration), now: now) }
  }

  public func deadLetters(
    _ filter: DeadLetterFilter,
    after id: TaskID?,
    limit: Int
  ) async throws(TaskQueueError) -> [DeadLetter] {
    mutate { state, now in
      state.deadTasks(filter, after: id, now: now).prefix(max(0, min(limit, Limits.page))).map(\.letter)
    }
  }

  public func redrive(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage {
    mutate { state, now in state.redrive(filter, from: cursor, now: now) }
  }

  public func purge(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage {
    mutate { state, now in state.purge(filter, from: cursor, now: now) }
  }

  public func dropExpiredKeys(within limit: Duration) async throws(TaskQueueError) -> Int {
    mutate { state, now in state.dropExpiredKeys(now: now) }
  }
}
