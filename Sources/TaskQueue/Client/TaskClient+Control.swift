extension TaskClient {
  /// Cancels a waiting task, or asks the handler of a running one to stop. Idempotent; a finished task is left alone.
  ///
  /// - Throws: ``TaskQueueError/Code/unknownTask`` if the id was never given out.
  @discardableResult
  public func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult { try await contract.cancel(id) }

  /// Makes a waiting task due at once, unless it has been attempted since you looked (compare-and-set).
  public func runNow(_ id: TaskID, expectedAttempt: Int) async throws(TaskQueueError) -> Bool {
    try await contract.runNow(id, expectedAttempt: expectedAttempt)
  }

  /// Stops all workers from claiming tasks of this queue; running ones go on.
  public func pause(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    try await contract.pause(queue)
  }

  public func resume(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    try await contract.resume(queue)
  }

  public func pausedQueues() async throws(TaskQueueError) -> [QueueName] { try await contract.pausedQueues() }

  /// Removes older waiting tasks of the same type and property value; never one that a worker holds. For
  /// callbacks ``UniqueKey/Mode/coalesce`` is the better tool.
  ///
  /// PostgreSQL reads the tasks of that type unless the app made an index for it, such as
  /// `CREATE INDEX ON taskqueue.task (type, (payload ->> 'paymentID'))`; with one it costs what it deletes.
  ///
  /// - Returns: how many.
  @discardableResult
  public func deleteDuplicates(_ filter: DuplicateFilter) async throws(TaskQueueError) -> Int {
    try await contract.deleteDuplicates(filter)
  }

  /// The live task, or nil if it is finished, dead or unknown.
  public func task(_ id: TaskID) async throws(TaskQueueError) -> TaskSnapshot? { try await contract.task(id) }

  /// Live tasks by ascending id, after the given one; at most ``Limits/page``.
  public func tasks(after id: TaskID? = nil, limit: Int = 100) async throws(TaskQueueError) -> [TaskSnapshot] {
    try await contract.tasks(after: id, limit: limit)
  }

  /// Counts of live tasks by queue, type and state. Reads the whole table; not for every second.
  public func counts() async throws(TaskQueueError) -> [TaskCount] { try await contract.counts() }

  /// One page of dead letters by ascending id; pass the last id to get the next.
  public func deadLetters(
    _ filter: DeadLetterFilter = .all,
    after id: TaskID? = nil,
    limit: Int = 100
  ) async throws(TaskQueueError) -> [DeadLetter] {
    try filter.validate()
    return try await contract.deadLetters(filter, after: id, limit: limit)
  }

  /// Makes dead letters live again under their old ids: due at once, counters fresh, no deadline, error history kept. One whose unique key
  /// is taken by a live task stays dead. Oldest first, by pages, each a transaction of its own: those that are there now, each once; what dies
  /// meanwhile is left alone.
  /// - Returns: the ids redriven.
  @discardableResult
  public func redrive(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> [TaskID] {
    try filter.validate()
    var all: [TaskID] = []
    var cursor: DeadLetterCursor?
    repeat {
      let page = try await contract.redrive(filter, from: cursor)
      all += page.ids
      cursor = page.next
    } while cursor != nil
    return all
  }

  /// Deletes dead letters for good, by pages: those that are there now.
  /// - Returns: how many.
  @discardableResult
  public func purge(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> Int {
    try filter.validate()
    var count = 0
    var cursor: DeadLetterCursor?
    repeat {
      let page = try await contract.purge(filter, from: cursor)
      count += page.ids.count
      cursor = page.next
    } while cursor != nil
    return count
  }
}
