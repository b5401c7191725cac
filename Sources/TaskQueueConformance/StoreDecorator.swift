@_spi(Store) public import TaskQueue

/// Any store, where a client wants one type.
@_spi(Store) public struct AnyStore: StoreDecorator {
  public let base: any StoreContract
  public init(_ base: any StoreContract) { self.base = base }
}

/// A store around another one. What it does not implement is passed on.
@_spi(Store) public protocol StoreDecorator: StoreContract {
  var base: any StoreContract { get }
}

@_spi(Store) extension StoreDecorator {
  public func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    try await base.enqueue(tasks)
  }
  public func prepare(within limit: Duration) async throws(TaskQueueError) { try await base.prepare(within: limit) }
  public func exchange(
    settle: [Settlement],
    claim: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    try await base.exchange(settle: settle, claim: claim, within: limit)
  }
  public func openWriters(within limit: Duration) async throws(TaskQueueError) -> OpenWriters? {
    try await base.openWriters(within: limit)
  }
  public func renew(
    _ claims: [Claim],
    lease: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [Renewal] {
    try await base.renew(claims, lease: lease, within: limit)
  }
  public func watch(_ onHint: @escaping @Sendable (StoreHint) -> Void) async throws(TaskQueueError) {
    try await base.watch(onHint)
  }
  public func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult { try await base.cancel(id) }
  public func runNow(_ id: TaskID, expectedAttempt: Int) async throws(TaskQueueError) -> Bool {
    try await base.runNow(id, expectedAttempt: expectedAttempt)
  }
  public func pause(_ queue: QueueName) async throws(TaskQueueError) { try await base.pause(queue) }
  public func resume(_ queue: QueueName) async throws(TaskQueueError) { try await base.resume(queue) }
  public func pausedQueues() async throws(TaskQueueError) -> [QueueName] { try await base.pausedQueues() }
  public func declare(_ rules: [LimitRule]) async throws(TaskQueueError) { try await base.declare(rules) }
  public func limits() async throws(TaskQueueError) -> [LimitStatus] { try await base.limits() }
  public func change(_ limit: String, _ change: LimitChange) async throws(TaskQueueError) {
    try await base.change(limit, change)
  }
  public func take(_ limit: TaskLimit, within longest: Duration) async throws(TaskQueueError) -> Duration {
    try await base.take(limit, within: longest)
  }
  public func pause(_ limit: TaskLimit, for duration: Duration) async throws(TaskQueueError) {
    try await base.pause(limit, for: duration)
  }
  public func deleteDuplicates(_ filter: DuplicateFilter) async throws(TaskQueueError) -> Int {
    try await base.deleteDuplicates(filter)
  }
  public func task(_ id: TaskID) async throws(TaskQueueError) -> TaskSnapshot? { try await base.task(id) }
  public func tasks(after id: TaskID?, limit: Int) async throws(TaskQueueError) -> [TaskSnapshot] {
    try await base.tasks(after: id, limit: limit)
  }
  public func counts() async throws(TaskQueueError) -> [TaskCount] { try await base.counts() }
  public func unhandled(
    queues: [QueueName],
    knownTypes: [TaskType],
    within limit: Duration
  ) async throws(TaskQueueError) -> [TaskCount] {
    try await base.unhandled(queues: queues, knownTypes: knownTypes, within: limit)
  }
  public func unserved(
    besides queues: [QueueName],
    dueFor duration: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [QueueName] {
    try await base.unserved(besides: queues, dueFor: duration, within: limit)
  }
  public func deadLetters(
    _ filter: DeadLetterFilter,
    after id: TaskID?,
    limit: Int
  ) async throws(TaskQueueError) -> [DeadLetter] {
    try await base.deadLetters(filter, after: id, limit: limit)
  }
  public func redrive(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage {
    try await base.redrive(filter, from: cursor)
  }
  public func purge(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage {
    try await base.purge(filter, from: cursor)
  }
  public func dropExpiredKeys(within limit: Duration) async throws(TaskQueueError) -> Int {
    try await base.dropExpiredKeys(within: limit)
  }
}
