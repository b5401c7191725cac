/// The runners of a worker, and what they run.
struct RunnerBook: Sendable {
  typealias Instant = WorkerClock.Instant

  private(set) var slots: [RunnerSlot] = []
  private var free: [Int32] = []
  private(set) var aliveCount = 0
  /// Attempts under way, without those that were given up.
  private(set) var runningCount = 0
  /// Runners that were given up and go on.
  private(set) var strayCount = 0
  private let maxStrays: Int
  /// Not after the first timeout or the first moment to give a handler up. nil: there is none.
  private(set) var nextCheck: Instant?

  init(concurrency: Int) { maxStrays = concurrency }

  /// Slots that are no use for a new task. Strays cost nothing as long as there are no more of them than slots: then something is
  /// thoroughly wrong, and a worker that goes on would fill the memory with them.
  var taken: Int { runningCount + max(0, strayCount - maxStrays) }

  subscript(_ id: RunnerID) -> RunnerSlot.Running? {
    let slot = slots[Int(id.slot)]
    return slot.generation == id.generation ? slot.running : nil
  }

  func isAlive(_ id: RunnerID) -> Bool { slots[Int(id.slot)].generation == id.generation }

  mutating func add() -> RunnerID {
    let slot = free.popLast() ?? Int32(slots.count)
    if Int(slot) == slots.count { slots.append(RunnerSlot()) }
    aliveCount += 1
    return RunnerID(slot: slot, generation: slots[Int(slot)].generation)
  }

  /// The runner's Swift task ends. One that was given up is no stray any more.
  mutating func remove(_ id: RunnerID) {
    guard isAlive(id) else {
      strayCount -= 1
      return
    }
    vacate(id.slot)
  }

  mutating func begin(_ running: RunnerSlot.Running, on id: RunnerID) {
    slots[Int(id.slot)].running = running
    runningCount += 1
    if let timeout = running.timeout { noteCheck(at: running.startedAt.advanced(by: timeout)) }
  }

  mutating func end(_ id: RunnerID) {
    slots[Int(id.slot)].running = nil
    runningCount -= 1
  }

  mutating func cancel(_ id: RunnerID, _ reason: CancelReason, givenUpAt: Instant) {
    guard var running = self[id] else { return }
    // Losing the lease outranks every other reason: then nothing may be settled.
    if running.cancelReason == nil || reason == .leaseLost { running.cancelReason = reason }
    running.givenUpAt = running.givenUpAt ?? givenUpAt
    slots[Int(id.slot)].running = running
    noteCheck(at: running.givenUpAt ?? givenUpAt)
  }

  /// Nobody waits for it any more: its slot is free.
  mutating func giveUp(_ id: RunnerID) {
    end(id)
    vacate(id.slot)
    strayCount += 1
  }

  private mutating func vacate(_ slot: Int32) {
    slots[Int(slot)].generation &+= 1
    aliveCount -= 1
    free.append(slot)
  }

  private mutating func noteCheck(at instant: Instant) { nextCheck = min(nextCheck ?? instant, instant) }

  /// The runners with an attempt under way.
  var running: [(id: RunnerID, running: RunnerSlot.Running)] {
    slots.enumerated().compactMap { index, slot in
      slot.running.map { (RunnerID(slot: Int32(index), generation: slot.generation), $0) }
    }
  }

  /// Attempts that began at an instant or before it, the oldest first, at most so many.
  func oldest(upTo instant: Instant, atMost limit: Int) -> [RunnerSlot.Running] {
    guard runningCount > 0 else { return [] }
    var oldest: [RunnerSlot.Running] = []
    for slot in slots {
      guard let running = slot.running, running.startedAt <= instant else { continue }
      let place = oldest.firstIndex { running.startedAt < $0.startedAt } ?? oldest.count
      guard place < limit else { continue }
      if oldest.count == limit { oldest.removeLast() }
      oldest.insert(running, at: place)
    }
    return oldest
  }

  /// All checks are made; the next one is worked out anew.
  mutating func noteChecked() {
    nextCheck = slots.lazy.compactMap { slot -> Instant? in
      guard let running = slot.running else { return nil }
      if running.cancelReason != nil { return running.givenUpAt }
      return running.timeout.map { running.startedAt.advanced(by: $0) }
    }.min()
  }
}

extension WorkerStateMachine {
  // MARK: Runners

  mutating func planRunners(in turn: inout EngineTurn) {
    let count = min(configuration.concurrency - runners.aliveCount, queue.count)
    guard count > 0 else { return }
    for _ in 0..<count { turn.actions.append(.run(runners.add())) }
  }

  /// A runner asks for its next task. nil: it ends.
  package mutating func start(_ runner: RunnerID, at now: Instant) -> Attempt? {
    guard isRunning, runners.isAlive(runner) else {
      runners.remove(runner)
      return nil
    }
    while let task = queue.popFirst() {
      // Its claim may have been lost in the queue, and another one of it have come.
      guard let index = index(of: task.claim) else {
        queue.pass()
        continue
      }
      held.values[index].place = .running(runner)
      runners.begin(.init(task: task, startedAt: now, timeout: timeouts[task.type]), on: runner)
      return Attempt(task, AttemptTicket(claim: task.claim, runner: runner))
    }
    runners.remove(runner)
    return nil
  }

  /// How an attempt stands whose handler has ended.
  package struct Standing: Sendable {
    /// Why the handler was cancelled, if it was.
    package var cancelReason: CancelReason?
    /// false: nobody wants its outcome any more.
    package var isHeld: Bool
    /// Its end was told when it was given up.
    package var isGivenUp = false
  }

  package func standing(of claim: Claim, on runner: RunnerID) -> Standing {
    guard let running = runners[runner] else {
      return Standing(cancelReason: .shutdown, isHeld: false, isGivenUp: true)
    }
    guard index(of: claim) != nil else {
      return Standing(cancelReason: running.cancelReason ?? .leaseLost, isHeld: false)
    }
    return Standing(cancelReason: running.cancelReason, isHeld: true)
  }

  /// The handler returned ``TaskOutcome/completed``: records that and starts the runner's next attempt in one go.
  ///
  /// The ticket is only taken if the handler was not cancelled and its task is held; otherwise go on with ``standing(of:on:)``.
  ///
  /// - Parameter needsTurn: set if ``advance(at:)`` is due.
  /// - Returns: nil, with the ticket taken: the runner ends.
  package mutating func complete(_ ticket: inout AttemptTicket?, at now: Instant, needsTurn: inout Bool) -> Attempt? {
    guard let taken = ticket.take() else { return nil }
    let (claim, runner) = (taken.claim, taken.runner)
    guard let running = runners[runner], running.cancelReason == nil, let index = index(of: claim) else {
      ticket = consume taken
      return nil
    }
    taken.redeem()
    runners.end(runner)
    groups.giveBack(running.task)
    pace.noteFinished(after: running.startedAt.duration(to: now))
    held.values[index].place = .ended
    outcomes.append(Settlement(claim, .complete))
    let count = outcomes.count
    let next = start(runner, at: now)
    needsTurn = next == nil || count == 1 || count == OutcomeBook.fullBatch
    return next
  }

  /// The handler ended. ``advance(at:)`` is due.
  ///
  /// - Returns: whether the runner goes on with ``start(_:at:)``. Otherwise it was cancelled, if only since ``standing(of:on:)``: its Swift
  ///   task is, too, and another attempt there would be cancelled for no reason. Then it ends with ``endRunner(_:)``.
  @discardableResult
  package mutating func end(_ ticket: consuming AttemptTicket, _ judgement: Judgement, at now: Instant) -> Bool {
    let (runner, claim) = (ticket.runner, ticket.claim)
    ticket.redeem()
    // Given up meanwhile: its outcome was decided without it.
    guard let running = runners[runner] else {
      if settings.faults.contains(.countedTwice) { runners.end(runner) }
      return false
    }
    runners.end(runner)
    groups.giveBack(running.task)
    pace.noteFinished(after: running.startedAt.duration(to: now))
    judged(claim, judgement)
    return running.cancelReason == nil
  }

  /// The runner's Swift task ends after a cancelled attempt.
  package mutating func endRunner(_ runner: RunnerID) { runners.remove(runner) }

  // MARK: Timeouts

  mutating func cancelRunner(_ runner: RunnerID, _ reason: CancelReason, at now: Instant) {
    guard let running = runners[runner] else { return }
    let grace: Duration = settings.faults.contains(.neverGivenUp) ? .seconds(100_000) : configuration.cancellationGrace
    runners.cancel(runner, reason, givenUpAt: now.advanced(by: grace))
    if running.cancelReason == nil { cancellations.append(runner) }
  }

  /// Attempts that ran out of time, and cancelled handlers that go on all the same.
  mutating func endAttempts(at now: Instant, in turn: inout EngineTurn) {
    if let next = runners.nextCheck, next <= now {
      for (runner, running) in runners.running {
        if running.cancelReason == nil, let timeout = running.timeout, running.startedAt.advanced(by: timeout) <= now {
          events.append(.timedOut(running.label, limit: timeout))
          cancelRunner(runner, .timeout, at: now)
        } else if let reason = running.cancelReason, let end = running.givenUpAt, end <= now {
          giveUp(runner, running, reason, in: &turn)
        }
      }
      runners.noteChecked()
    }
    turn.actions += cancellations.map(EngineAction.cancel)
    cancellations = []
  }

  /// The handler ignores its cancellation. Its slot is free from now on, and what becomes of its task is decided without it.
  mutating func giveUp(
    _ runner: RunnerID,
    _ running: RunnerSlot.Running,
    _ reason: CancelReason,
    in turn: inout EngineTurn
  ) {
    runners.giveUp(runner)
    if !settings.faults.contains(.placeKept) { groups.giveBack(running.task) }
    events.append(.handlerGivenUp(running.label, reason))
    guard let index = index(of: running.claim) else { return }
    held.values[index].place = .judged
    turn.actions.append(.judge(running.task, reason))
  }

  /// What an attempt ended with, or what is to be settled for a handler that was given up.
  package mutating func judged(_ claim: Claim, _ judgement: Judgement) {
    guard let index = index(of: claim) else { return }
    let task = held.values[index].task
    guard let settlement = judgement.settlement else {
      held.remove(at: index)
      return
    }
    held.values[index].place = .ended
    outcomes.append(settlement)
    note(judgement, of: task)
  }

  private mutating func note(_ judgement: Judgement, of task: ClaimedTask) {
    guard let settlement = judgement.settlement else { return }
    events += EngineEvent.events(of: settlement, task, isToBeUndone: judgement.isToBeUndone)
    guard let passing = judgement.passing, case .reschedule(let delay, _) = settlement.action else { return }
    events.append(
      .attemptFailed(
        task: TaskLabel(task),
        error: passing.message,
        errorType: passing.errorType,
        failures: task.failures,
        nextIn: delay
      )
    )
  }
}
