extension TaskHandlers {
  /// Registers a handler that runs many tasks of a type in one call: bulk inserts, an index, a provider's bulk API.
  ///
  /// ```swift
  /// try handlers.registerBatch(ImportRow.self, upTo: 500) { tasks, batch in
  ///   try await client.withCompletion(of: tasks, in: batch) { transaction, tasks in
  ///     try await transaction.query(insert, [.textArray(tasks.map(\.payload.name))])
  ///   }
  /// }
  /// ```
  ///
  /// A task of a batch is an attempt like any other, with its own fence, lease, timeout, retries, middleware and metrics, and takes one of the
  /// worker's slots: a batch is at most as large as ``TaskWorkerConfiguration/concurrency`` and ``TaskHandlerOptions/maxConcurrent``; a warning
  /// says so where `maxCount` is above them. Each worker has batches of its own. A batch is made of the attempts that wait at
  /// the moment; while `atATime` calls are under way the next ones gather. A timeout counts from the start of the attempt, the wait for its
  /// batch included. The handler is cancelled once all of its tasks are (``TaskBatch/isCancelled(_:)``). It does not run in the
  /// tasks' own Swift tasks, so task-local values of middleware do not reach it.
  ///
  /// Tasks without an outcome of their own complete when the handler returns, and fail with what it throws.
  ///
  /// - Parameters:
  ///   - maxCount: tasks per call at most, 1 to 10,000.
  ///   - maxCalls: calls at the same time at most, 1 to 10,000; 2, so that one can gather while the other waits.
  ///   - gathering: how long a batch that is not full waits for more, at most 1 minute; zero: not at all.
  ///   - options: as for ``register(_:options:_:)-(Payload.Type,_,_)``.
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`; `invalidConfiguration` if the type has a handler already.
  public mutating func registerBatch<Payload: TaskPayload & Sendable>(
    _ payloadType: Payload.Type,
    upTo maxCount: Int,
    atATime maxCalls: Int = 2,
    gathering: Duration = .zero,
    options: TaskHandlerOptions? = nil,
    _ handle: @escaping @Sendable ([BatchTask<Payload>], TaskBatch) async throws -> Void
  ) throws(TaskQueueError) {
    let type = Payload.taskType
    guard 1...10_000 ~= maxCount, 1...10_000 ~= maxCalls else {
      throw .invalidOption("A batch of \(type) has 1 to 10,000 tasks, and 1 to 10,000 of them run at a time.")
    }
    guard gathering >= .zero, gathering <= .seconds(60) else {
      throw .invalidOption(
        "Batches of \(type) gather for at most a minute; their tasks hold slots and leases meanwhile."
      )
    }
    let defaults = Payload.taskDefaults
    try register(
      type,
      as: Payload.self,
      options: options ?? defaults.handling,
      making: {
        let collector = BatchCollector(of: type, upTo: maxCount, atATime: maxCalls, gathering: gathering, handle)
        return { payload, context in try await collector.join(payload, context) }
      }
    )
    complete(type, defaultQueue: defaults.queue, batchSize: maxCount)
  }
}

extension TaskHandlers.Entry {
  /// How many tasks a call may take, if that is more than a worker with so many slots ever runs at a time.
  func unreachedBatchSize(slots: Int) -> Int? {
    batchSize.flatMap { $0 > min(slots, options.maxConcurrent ?? slots) ? $0 : nil }
  }
}
