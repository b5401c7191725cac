import SeededRandom
@_spi(Store) import TaskQueue

/// Handlers, and the Swift tasks that run them.
extension SimulatedWorld {
  func begin(_ next: consuming Attempt?, on runner: RunnerID, in process: SimulatedProcess) {
    guard let next else { return }
    let id = next.task.claim.id
    let behaviour = books.nextBehaviour(of: id)
    let attempt = RunningAttempt(next, runner: runner, behaviour, flow: books[id]?.plan.flow, at: now)
    process.attempts.append(attempt)
    process.delivered[attempt.task.claim] = nil
    noteSlots(of: process)
    history.note(
      now,
      "worker \(process.worker) starts task \(id), attempt \(attempt.task.attempt): \(attempt.behaviour)"
    )
    if attempt.flow != nil { return schedule(.flowGoesOn(attempt), in: process, after: .microseconds(20)) }
    if case .hangs = attempt.behaviour.ending { return }
    schedule(.handlerEnds(attempt), in: process, after: attempt.behaviour.duration)
  }

  func cancel(_ runner: RunnerID, in process: SimulatedProcess) {
    guard let attempt = process.attempts.first(where: { $0.runner == runner && !$0.isOver }) else { return }
    attempt.cancelledAt = now
    history.note(now, "worker \(process.worker) cancels task \(attempt.task.claim.id)")
    if case .ends(let delay) = attempt.behaviour.cancellation {
      schedule(.handlerEnds(attempt), in: process, after: delay)
    }
  }

  func noteSlots(of process: SimulatedProcess) {
    if !process.hasFreeSlot { process.fullAt = now }
    for (queue, maximum) in process.configuration.maxConcurrent {
      let running = process.running { $0.queue == queue }
      if max(running, process.machine.placesTaken { $0.queues.contains(queue) }) >= maximum {
        process.queuesFullAt[queue] = now
      }
      if running > maximum { fail(.aboveMaximum, "worker \(process.worker) runs \(running) tasks of \(queue)") }
    }
    for (type, maximum) in process.maxConcurrent {
      let running = process.running { $0.type == type }
      if max(running, process.machine.placesTaken { $0.types.contains(type) }) >= maximum {
        process.typesFullAt[type] = now
      }
      if running > maximum { fail(.aboveMaximum, "worker \(process.worker) runs \(running) tasks of \(type)") }
    }
  }

  func endHandler(_ attempt: RunningAttempt, in process: SimulatedProcess) {
    noteSlots(of: process)
    attempt.isOver = true
    process.attempts.removeAll { $0 === attempt }
    if process.isPoolAsked { schedule(.poolAnswers, in: process, after: .microseconds(50)) }
    if case .crashes = attempt.behaviour.ending, attempt.cancelledAt == nil {
      history.note(now, "worker \(process.worker) is taken down by task \(attempt.task.claim.id)")
      attempt.drop()
      return processEnded(process, startAgainAfter: .milliseconds(200))
    }
    report(attempt, outcome(of: attempt, in: process), in: process)
    requestTurn(of: process)
  }

  /// The attempt of a flow ends with this; nil: it threw.
  func end(_ attempt: RunningAttempt, _ settlement: Settlement?, in process: SimulatedProcess) {
    let (claim, runner) = (attempt.task.claim, attempt.runner)
    noteSlots(of: process)
    attempt.isOver = true
    process.attempts.removeAll { $0 === attempt }
    if process.isPoolAsked { schedule(.poolAnswers, in: process, after: .microseconds(50)) }
    history.note(
      now,
      "worker \(process.worker) ends flow \(claim.id): \(settlement.map { "\($0.action)" } ?? "an error")"
    )
    let standing = process.machine.standing(of: claim, on: runner)
    let judgement = standing.isHeld ? Judgement(ofFlow: attempt.task, settlement, standing.cancelReason) : .nothing
    finish(attempt, judgement, isCancelled: standing.cancelReason != nil, in: process)
    requestTurn(of: process)
  }

  /// As the shell does.
  private func report(_ attempt: RunningAttempt, _ outcome: TaskOutcome?, in process: SimulatedProcess) {
    let (claim, runner) = (attempt.task.claim, attempt.runner)
    history.note(now, "worker \(process.worker) ends task \(claim.id): \(outcome?.name ?? "an error")")
    if outcome == .completed {
      var needsTurn = false
      let next = process.machine.complete(&attempt.ticket, at: now, needsTurn: &needsTurn)
      if attempt.ticket == nil {
        books.noteOutcome(of: claim, in: process, at: now)
        return begin(next, on: runner, in: process)
      }
    }
    let standing = process.machine.standing(of: claim, on: runner)
    let judgement = standing.isHeld ? Judgement(attempt.task, outcome, standing.cancelReason) : .nothing
    finish(attempt, judgement, isCancelled: standing.cancelReason != nil, in: process)
  }

  private func finish(
    _ attempt: RunningAttempt,
    _ judgement: Judgement,
    isCancelled: Bool,
    in process: SimulatedProcess
  ) {
    if judgement.settlement != nil { books.noteOutcome(of: attempt.task.claim, in: process, at: now) }
    if let ticket = attempt.ticket.take() { process.machine.end(ticket, judgement, at: now) }
    guard !isCancelled else { return process.machine.endRunner(attempt.runner) }
    begin(process.machine.start(attempt.runner, at: now), on: attempt.runner, in: process)
  }

  /// nil: it threw.
  private func outcome(of attempt: RunningAttempt, in process: SimulatedProcess) -> TaskOutcome? {
    if attempt.cancelledAt != nil, case .ends = attempt.behaviour.cancellation { return nil }
    switch attempt.behaviour.ending {
    case .completes: return .completed
    case .throwsError, .crashes, .hangs: return nil
    case .again(let delay): return .again(after: delay)
    case .snoozes(let delay): return .snooze(delay)
    case .discards: return .discard(reason: "not wanted")
    case .enqueues(let count):
      guard isReachable(from: process) else { return nil }
      for _ in 0..<count { insert(nil, .child(of: attempt.task), at: now) }
      return .completed
    case .completesInTransaction:
      guard isReachable(from: process) else { return nil }
      let settlement = Settlement(attempt.task.claim, .complete)
      let result = store.settle(settlement, at: now)
      noteSettled(settlement, result, by: process)
      return result == .applied ? .settledInTransaction : nil
    }
  }

  private func isReachable(from process: SimulatedProcess) -> Bool {
    conditions.isCalm && !cutOff.contains(process.worker)
  }
}

extension TaskPlan {
  static func child(of task: ClaimedTask) -> TaskPlan {
    TaskPlan(
      type: task.type,
      queue: task.queue,
      priority: task.priority,
      storedAt: .zero,
      commitsAfter: .zero,
      delay: .zero,
      uniqueKey: nil,
      behaviours: [.quick]
    )
  }
}

extension Judgement {
  /// What becomes of an attempt whose handler returned this; nil: it threw, or nobody waits for it.
  init(_ task: ClaimedTask, _ outcome: TaskOutcome?, _ reason: CancelReason?) {
    self.init()
    if case .leaseLost = reason { return }
    settlement = outcome.map { Self.settlement(task.claim, $0) } ?? Self.failure(task, reason)
  }

  /// What becomes of the attempt of a flow; nil: it threw.
  init(ofFlow task: ClaimedTask, _ settlement: Settlement?, _ reason: CancelReason?) {
    self.init()
    if case .leaseLost = reason { return }
    self.settlement = settlement ?? Self.failure(task, reason)
  }

  private static func settlement(_ claim: Claim, _ outcome: TaskOutcome) -> Settlement? {
    switch outcome.kind {
    case .completed: Settlement(claim, .complete)
    case .completedWith(let result): Settlement(claim, .conclude(Conclusion(result: result)))
    case .settledInTransaction: nil
    case .again(let delay): Settlement(claim, .reschedule(after: delay ?? .seconds(1), returnsAttempt: false))
    case .snooze(let delay): Settlement(claim, .reschedule(after: delay, returnsAttempt: true))
    case .discard(let reason): Settlement(claim, .bury(.discarded, detail: reason, nil))
    }
  }

  private static func failure(_ task: ClaimedTask, _ reason: CancelReason?) -> Settlement {
    switch reason {
    case .requested: return Settlement(task.claim, .bury(.cancelled, detail: nil, nil))
    case .shutdown: return Settlement(task.claim, .release)
    case .timeout, .leaseLost, nil:
      let failure = TaskFailure(message: "it failed", errorType: "Failure", attempt: task.attempt, at: 0)
      return Settlement(task.claim, .fail(failure, retryAfter: .milliseconds(200 * min(task.attempt, 10))))
    }
  }
}
