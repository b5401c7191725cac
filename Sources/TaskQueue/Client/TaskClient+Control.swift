extension TaskClient {
  /// Cancels a waiting task, or asks the handler of a running one to stop. Idempotent; a finished task is left alone.
  ///
  /// - Throws: ``TaskQueueError/Code/unknownTask`` if the id was never given out.
  @discardableResult
  public func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult { try await store.cancel(id) }

  /// Makes a waiting task due at once, unless it has been attempted since you looked (compare-and-set). machamp's `processNow`.
  public func runNow(_ id: TaskID, expectedAttempt: Int) async throws(TaskQueueError) -> Bool {
    try await store.runNow(id, expectedAttempt: expectedAttempt)
  }

  /// Stops all workers from claiming tasks of this queue; running ones go on.
  public func pause(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    try await store.pause(queue)
  }

  public func resume(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    try await store.resume(queue)
  }

  /// The live task, or nil if it is finished, dead or unknown.
  public func task(_ id: TaskID) async throws(TaskQueueError) -> TaskSnapshot? { try await store.task(id) }

  /// One page of dead letters by ascending id; pass the last id to get the next.
  public func deadLetters(
    _ filter: DeadLetterFilter = .all,
    after id: TaskID? = nil,
    limit: Int = 100
  ) async throws(TaskQueueError) -> [DeadLetter] {
    try await store.deadLetters(filter, after: id, limit: limit)
  }

  /// Makes dead letters live again; see ``TaskStore/redrive(_:)``. Repeats until no page is left.
  @discardableResult
  public func redrive(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> [TaskID] {
    var all: [TaskID] = []
    while true {
      let page = try await store.redrive(filter)
      all += page
      if page.count < Limits.page { return all }
    }
  }

  /// Deletes dead letters for good. Repeats until no page is left.
  @discardableResult
  public func purge(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> Int {
    var count = 0
    while true {
      let page = try await store.purge(filter)
      count += page
      if page < Limits.page { return count }
    }
  }
}
