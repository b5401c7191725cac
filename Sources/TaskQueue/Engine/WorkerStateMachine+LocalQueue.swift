import DequeModule

/// Claimed tasks that wait for a runner, in the order in which they are to start.
struct LocalQueue: Sendable {
  /// May contain tasks that are not held any more; they are passed over.
  private var tasks: Deque<ClaimedTask> = []
  private(set) var bytes = 0
  /// How many of `tasks` are not held any more.
  private var forgotten = 0

  /// Tasks that a runner is to start.
  var count: Int { tasks.count - forgotten }
  var first: ClaimedTask? { tasks.first }

  mutating func append(_ task: ClaimedTask) {
    tasks.append(task)
    bytes += task.payload.count
  }

  /// The next one; ``forget()`` was called for it if it is not held any more, and then ``pass()`` is.
  mutating func popFirst() -> ClaimedTask? {
    guard let task = tasks.popFirst() else { return nil }
    bytes -= task.payload.count
    return task
  }

  mutating func popLast() -> ClaimedTask? {
    guard let task = tasks.popLast() else { return nil }
    bytes -= task.payload.count
    return task
  }

  /// One that was popped had been forgotten.
  mutating func pass() { forgotten -= 1 }

  /// One of them is not held any more.
  mutating func forget() {
    forgotten += 1
    if count == 0 { self = LocalQueue() }
  }
}

extension WorkerStateMachine {
  /// Takes over claimed tasks; once draining, hands them back instead.
  mutating func accept(_ tasks: [ClaimedTask], startedAt: Instant, at now: Instant) {
    guard isRunning else {
      for task in tasks { outcomes.append(Settlement(task.claim, .release)) }
      return
    }
    // A late answer: these leases are over.
    guard startedAt.advanced(by: configuration.lease) > now else { return }
    for task in tasks {
      let old = held[task.claim.id]
      // A late answer again: the task was claimed anew since then.
      if let old, old.task.claimedAt > task.claimedAt { continue }
      if let old, let action = takeWaitingOutcome(of: old) {
        hold(task, startedAt: startedAt, place: .ended)
        outcomes.append(Settlement(task.claim, action))
        continue
      }
      if let action = task.rejection(maxCrashes: configuration.maxCrashes) {
        events += EngineEvent.events(
          of: Settlement(task.claim, action),
          task,
          isToBeUndone: FlowJournal(task.steps).isToBeUndone
        )
        if let old { forget(old, at: now) }
        hold(task, startedAt: startedAt, place: .ended)
        outcomes.append(Settlement(task.claim, action))
        continue
      }
      // Claimed again by ourselves: our own earlier claim was lost.
      if let old { forget(old, at: now) }
      hold(task, startedAt: startedAt, place: .queued)
      // A late answer once more: its place was given to another one meanwhile.
      if !settings.faults.contains(.maximumIgnored), let group = groups.index(of: task),
        let room = groups.room(of: group, claimed: { _ in 0 }), room <= 0
      {
        held[task.claim.id]?.place = .ended
        outcomes.append(Settlement(task.claim, .release))
        continue
      }
      groups.take(task)
      queue.append(task)
    }
    leases.noteHeld(since: startedAt)
    noteCancelHints(at: now)
  }

  /// Somebody had locked the row until its lease was over, and we were the next to claim it: it was done already.
  private mutating func takeWaitingOutcome(of old: HeldTask) -> Settlement.Action? {
    guard case .ended = old.place, !old.mayBeSettled else { return nil }
    return outcomes.takeDeferred(old.task.claim)
  }

  private mutating func hold(_ task: ClaimedTask, startedAt: Instant, place: HeldTask.Place) {
    held[task.claim.id] = HeldTask(task: task, place: place, renewedAt: startedAt)
  }

  /// Another claim of the same task has come.
  private mutating func forget(_ old: HeldTask, at now: Instant) {
    held[old.task.claim.id] = nil
    switch old.place {
    case .queued:
      groups.giveBack(old.task)
      queue.forget()
    case .running(let runner): cancelRunner(runner, .leaseLost, at: now)
    case .judged, .ended: break
    }
  }

  /// Claims of which nothing came but the wait: handlers have become slower than they were when the tasks were claimed, and others may have
  /// a free slot. What they will not get to soon goes back, the least urgent first.
  mutating func handBackHoard(at now: Instant) {
    guard isRunning, let due = hoardCheck, due <= now else { return }
    pace.measureIdle(at: now, maxPrefetch: configuration.maxPrefetch)
    pace.hoardCheckedAt = now
    while queue.count > pace.prefetch, let task = queue.popLast() {
      if !release(task) { queue.pass() }
    }
  }

  /// When the local queue is to be looked through for what waits too long; nil: nothing waits.
  var hoardCheck: Instant? {
    guard queue.count > 0, let first = queue.first, !settings.faults.contains(.hoarding) else { return nil }
    let since = [held[first.claim.id]?.renewedAt, pace.hoardCheckedAt].compactMap(\.self).max()
    return since?.advanced(by: Pace.maxQueueTime)
  }

  /// All that waits goes back.
  mutating func handBackQueue() {
    while let task = queue.popLast() { release(task) }
    queue = LocalQueue()
  }

  /// - Returns: false: it is not held any more.
  @discardableResult
  private mutating func release(_ task: ClaimedTask) -> Bool {
    guard let index = index(of: task.claim) else { return false }
    groups.giveBack(task)
    held.values[index].place = .ended
    outcomes.append(Settlement(task.claim, .release))
    return true
  }
}
