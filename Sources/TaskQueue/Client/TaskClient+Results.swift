extension TaskClient {
  /// The longest pause between two looks of one that waits for a result.
  private static var longestLook: Duration { .milliseconds(500) }

  /// What a task's handler returned (``TaskOutcome/completed(result:)``), once it is completed.
  ///
  /// ```swift
  /// let receipt = try await client.result(of: id, as: Receipt.self, timeout: .seconds(10))
  /// ```
  ///
  /// Looks at once, then after 5 ms and growing pauses of up to half a second: each look is one short statement. To wait for a short time
  /// is for tasks that take a short time; who waits for hours asks now and then.
  ///
  /// - Parameters:
  ///   - type: as what it was returned; an optional also takes a task that returned nothing.
  ///   - timeout: how long to wait at most; zero: looks once.
  /// - Throws: ``TaskResultError``: `dead`, with the reason; `timedOut`; `notKept`; `noResult`; `unknownTask`; `unreadable`. ``TaskQueueError`` with
  ///   `storeFailed`; `invalidConfiguration` for a store without a history. `CancellationError`.
  public func result<Result: Decodable>(
    of task: TaskID,
    as type: Result.Type = Result.self,
    timeout: Duration = .zero
  ) async throws -> Result {
    let store = try history()
    let clock = ContinuousClock()
    let end = clock.now + min(timeout, Limits.delay)
    var pause = BackoffInterval(minimum: .milliseconds(5), maximum: Self.longestLook)
    var generator = SystemRandomNumberGenerator()
    while true {
      let ending = try await store.ending(of: task)
      if case .live = ending {} else { return try Self.result(of: ending, task) }
      let left = clock.now.duration(to: end)
      guard left > .zero else {
        throw TaskResultError(.timedOut, task, "It has not ended within \(timeout).")
      }
      try await clock.sleep(for: min(left, pause.next(using: &generator)))
    }
  }

  /// Stores a task and waits for its result, for which it is kept as long as the time and a minute, or longer if the options say so.
  ///
  /// Not in a handler, which would keep its worker's slot meanwhile: see ``TaskContext/child(_:_:number:options:)``.
  ///
  /// - Returns: what its handler returned. With a unique key that is taken: that of the task which has it, if that one is kept.
  /// - Throws: as ``enqueue(_:options:)`` and ``result(of:as:timeout:)``. When the time is over the task goes on.
  public func enqueueAndWait<Payload: TaskPayload, Result: Decodable>(
    _ payload: Payload,
    as type: Result.Type = Result.self,
    options: EnqueueOptions = .init(),
    timeout: Duration
  ) async throws -> Result {
    var options = options
    let needed = min(max(.zero, timeout) + .seconds(60), Limits.longestRetention)
    let retain = options.retain ?? Payload.taskDefaults.handling.retain
    options.retain = max(retain ?? needed, needed)
    return try await result(of: try await enqueue(payload, options: options).id, as: type, timeout: timeout)
  }

  /// How many attempts ended per minute, queue, type and outcome, oldest first.
  ///
  /// Approximate: each worker reports every 10 s, into the minute of the report; one that is killed takes with it what it had not reported, and a
  /// report whose answer is lost counts twice. Kept for 30 days. Also the view `throughput`.
  ///
  /// - Parameters:
  ///   - time: before now, by the store's clock.
  ///   - limit: the last so many counts; at most 10,000.
  public func throughput(of time: Duration, limit: Int = 10_000) async throws(TaskQueueError) -> [ThroughputCount] {
    try await history().throughput(of: min(max(.zero, time), Limits.delay), limit: max(0, min(limit, 10_000)))
  }

  private func history() throws(TaskQueueError) -> any HistoryStore {
    guard let history = contract as? any HistoryStore else {
      throw TaskQueueError(
        .invalidConfiguration,
        "This store keeps no history; use one that does, such as PostgresTaskStore."
      )
    }
    return history
  }

  private static func result<Result: Decodable>(
    of ending: TaskEnding,
    _ task: TaskID
  ) throws(TaskResultError) -> Result {
    switch ending {
    case .completed(let result): return try TaskResultError.decoded(result, task)
    case .dead(let type, let reason, let detail, let lastError):
      throw .dead(task, type, reason, detail: detail ?? lastError)
    case .gone, .live:
      throw TaskResultError(
        .notKept,
        task,
        "It is gone, and its end was not kept. Let its type or its enqueue retain it."
      )
    case .unknown: throw TaskResultError(.unknownTask, task, "There never was a task with this id.")
    }
  }
}
