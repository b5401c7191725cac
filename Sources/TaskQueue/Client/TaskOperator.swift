#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a person does to tasks, queues, limits and schedules: ``TaskClient/operating(as:because:)``. Each call is one transaction, with one line in the
/// journal that says who, when, why, and what was before and after (``OperatorAction``); also a call that found nothing to change.
///
/// Every call throws ``TaskQueueError``: `invalidName` for an actor or a name out of its bounds, `invalidOption` for such a reason; `storeFailed`, when
/// nothing was done; `outcomeUnknown` if the connection broke before that was known (the journal tells); `invalidConfiguration` for a store that cannot be
/// operated; and what else its comment names.
public struct TaskOperator<Store: TaskStore>: Sendable {
  let client: TaskClient<Store>
  let note: OperatorNote

  /// Who acts.
  public var actor: String { note.actor }
  /// Why.
  public var reason: String? { note.reason }

  /// Whether the journal can take who and why, as every call asks first: for what acts only if it finds something.
  ///
  /// - Throws: ``TaskQueueError`` with `invalidName` or `invalidOption`.
  public func validate() throws(TaskQueueError) { try note.validate() }

  // MARK: Tasks

  /// Cancels a waiting task, or asks the handler of a running one to stop. Idempotent; a finished task is left alone.
  /// - Throws: `unknownTask` if the id was never given out; nothing is written then.
  @discardableResult
  public func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult {
    guard case .cancelled(let result) = try await perform(.cancel(id)) else { throw .foreignAnswer }
    return result
  }

  /// Runs a task again as soon as possible, whether it waits or is a dead letter. Its limit and a pause of its queue hold all the same.
  /// - Throws: `unknownTask` if the id was never given out; nothing is written then.
  @discardableResult
  public func retry(_ id: TaskID) async throws(TaskQueueError) -> RetryResult {
    guard case .retried(let result) = try await perform(.retry(id)) else { throw .foreignAnswer }
    return result
  }

  /// Makes a waiting task due at once.
  /// - Parameter expectedAttempt: only if it still has this count of attempts (compare-and-set); nil: whatever it has.
  /// - Returns: whether it did: false if it is not live, a worker holds it, or it was attempted meanwhile.
  @discardableResult
  public func runNow(_ id: TaskID, expectedAttempt: Int? = nil) async throws(TaskQueueError) -> Bool {
    try await answer(.runNow(id, expectedAttempt: expectedAttempt))
  }

  /// Stores a task.
  /// - Throws: as ``TaskClient/enqueue(_:options:)``.
  @discardableResult
  public func enqueue(_ task: NewTask) async throws(TaskQueueError) -> EnqueueResult {
    try await client.middleware.enqueue([task]) { tasks throws(TaskQueueError) in
      var results: [EnqueueResult] = []
      for task in tasks { results += try await enqueued(.enqueue(task)) }
      return results
    }[0]
  }

  /// Stores an event for flows.
  /// - Returns: whether it counts: the first one with a key does, until its retention is over.
  @discardableResult
  public func emit(_ event: FlowEvent) async throws(TaskQueueError) -> Bool { try await answer(.emit(event)) }

  /// Says what became of an effect that nobody else can settle. Retry its task afterwards.
  ///
  /// Refused while a worker holds the task, and "did not happen" also while the call may still reach the provider.
  @discardableResult
  public func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult {
    guard case .resolved(let result) = try await perform(.resolveEffect(name, of: task, as: resolution)) else {
      throw .foreignAnswer
    }
    return result
  }

  // MARK: Dead letters

  /// Makes dead letters live again under their old ids: those that are there when the walk begins, each once, oldest first, ``Limits/page`` a call.
  ///
  /// ```swift
  /// var page = try await ann.redrive(.init(type: "mail.send"))
  /// while let next = page.next { page = try await ann.redrive(.init(type: "mail.send"), from: next) }
  /// ```
  ///
  /// For what a list shows, hand over its ids: `DeadLetterFilter(ids:)`. A call that brings none writes no line.
  public func redrive(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor? = nil
  ) async throws(TaskQueueError) -> DeadLetterPage {
    return try await walk(.redrive(filter, from: cursor))
  }

  /// Deletes dead letters for good, as ``redrive(_:from:)`` walks over them.
  public func purge(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor? = nil
  ) async throws(TaskQueueError) -> DeadLetterPage {
    return try await walk(.purge(filter, from: cursor))
  }

  // MARK: Queues

  /// Stops all workers from claiming tasks of this queue; running ones go on. Idempotent.
  public func pause(_ queue: QueueName) async throws(TaskQueueError) {
    _ = try await perform(.pauseQueue(queue))
  }

  /// Ends a pause. Idempotent.
  public func resume(_ queue: QueueName) async throws(TaskQueueError) {
    _ = try await perform(.resumeQueue(queue))
  }

  // MARK: Limits

  /// Sets how many tasks of a key run at a time. Lowered: what runs goes on, and no more start until fewer run.
  /// - Throws: `unknownLimit`; `invalidOption` (outside of 1 … 1,000, or above 1 for an ordered one).
  public func setLimit(_ name: String, concurrency: Int) async throws(TaskQueueError) {
    _ = try await perform(.changeLimit(name, .set(concurrency)))
  }

  /// Sets how fast tasks of a key are admitted.
  /// - Throws: `unknownLimit`; `invalidOption` (out of its bounds, or an ordered limit).
  public func setLimit(_ name: String, rate: LimitRate) async throws(TaskQueueError) {
    _ = try await perform(.changeLimit(name, .setRate(rate)))
  }

  /// Starts no task of this limit any more, until it is resumed.
  /// - Throws: `unknownLimit`.
  public func pauseLimit(_ name: String) async throws(TaskQueueError) {
    _ = try await perform(.changeLimit(name, .pause))
  }

  /// Admits no task of this limit's key for a time, at most ``Limits/limitWait``; then it goes on by itself. Does not shorten a pause that is there.
  /// - Throws: `unknownLimit`, `invalidName`.
  public func pauseLimit(_ name: String, key: String, for duration: Duration) async throws(TaskQueueError) {
    _ = try await perform(.pauseLimit(TaskLimit(name, key: key), for: min(duration, Limits.limitWait)))
  }

  /// Ends a pause without an end.
  /// - Throws: `unknownLimit`.
  public func resumeLimit(_ name: String) async throws(TaskQueueError) {
    _ = try await perform(.changeLimit(name, .resume))
  }

  /// Takes back what people have set, pauses too: what programs declare holds again.
  /// - Throws: `unknownLimit`.
  public func resetLimit(_ name: String) async throws(TaskQueueError) {
    _ = try await perform(.changeLimit(name, .reset))
  }

  // MARK: Schedules

  /// Adds a schedule, or changes the one of this name.
  /// - Throws: as ``ScheduleClient/set(_:_:)``.
  public func setSchedule(_ name: String, _ definition: ScheduleDefinition) async throws(TaskQueueError) {
    _ = try await perform(.setSchedule(name, definition))
  }

  /// It makes no more tasks; those that it made go on. Idempotent.
  /// - Throws: `unknownSchedule`.
  public func pauseSchedule(_ name: String) async throws(TaskQueueError) {
    try await require(.pauseSchedule(name), name)
  }

  /// It goes on with the first slot from now. Idempotent.
  /// - Throws: `unknownSchedule`.
  public func resumeSchedule(_ name: String) async throws(TaskQueueError) {
    try await require(.resumeSchedule(name), name)
  }

  /// Goes back to what programs declare; a paused one stays paused.
  /// - Throws: `unknownSchedule`, also for one that no program declares.
  public func resetSchedule(_ name: String) async throws(TaskQueueError) {
    try await require(.resetSchedule(name), name)
  }

  /// Deletes it; the tasks that it made go on. A program that declares it adds it again when it starts.
  /// - Returns: whether there was one.
  @discardableResult
  public func removeSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    try await answer(.removeSchedule(name))
  }

  /// Makes a task of it now, also of a paused one; its slots stay as they are.
  /// - Throws: `unknownSchedule`.
  @discardableResult
  public func runSchedule(_ name: String) async throws(TaskQueueError) -> EnqueueResult {
    guard let result = try await enqueued(.runSchedule(name)).first else { throw .unknownSchedule(name) }
    return result
  }

  /// Makes the tasks of a time of the past (or the future), as ``ScheduleClient/backfill(_:_:)``.
  /// - Throws: `unknownSchedule`; `invalidOption` for more than ``Limits/page`` slots or a rule that cannot be read.
  @discardableResult
  public func backfillSchedule(_ name: String, _ range: Range<Date>) async throws(TaskQueueError) -> [EnqueueResult] {
    try ScheduleName.validate(name)
    let slots = try await client.schedules.slots(of: name, in: range)
    guard !slots.isEmpty else { return [] }
    let results = try await enqueued(.backfillSchedule(name, slots: slots))
    guard !results.isEmpty else { throw .unknownSchedule(name) }
    return results
  }

  // MARK: The store

  private func perform(_ request: OperatorRequest) async throws(TaskQueueError) -> OperatorOutcome {
    try note.validate()
    try request.validate()
    return try await client.operatingStore.perform(request, noting: note)
  }

  private func answer(_ request: OperatorRequest) async throws(TaskQueueError) -> Bool {
    guard case .answered(let answer) = try await perform(request) else { throw .foreignAnswer }
    return answer
  }

  private func require(_ request: OperatorRequest, _ schedule: String) async throws(TaskQueueError) {
    guard try await answer(request) else { throw .unknownSchedule(schedule) }
  }

  private func enqueued(_ request: OperatorRequest) async throws(TaskQueueError) -> [EnqueueResult] {
    guard case .enqueued(let results) = try await perform(request) else { throw .foreignAnswer }
    return results
  }

  private func walk(_ request: OperatorRequest) async throws(TaskQueueError) -> DeadLetterPage {
    guard case .walked(let page) = try await perform(request) else { throw .foreignAnswer }
    return page
  }
}

extension TaskQueueError {
  fileprivate static var foreignAnswer: TaskQueueError {
    TaskQueueError(.storeFailed, "The store answered something else than it was asked.")
  }
}
