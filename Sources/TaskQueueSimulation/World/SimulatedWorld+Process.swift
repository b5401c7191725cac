import SeededRandom
@_spi(Store) import TaskQueue

/// What the shell does around a machine.
extension SimulatedWorld {
  func perform(_ inner: Step.Inner, in process: SimulatedProcess) {
    switch inner {
    case .turn(let number): if number == process.turnNumber { takeTurn(of: process) }
    case .answer(let call): takeAnswer(call, in: process)
    case .runner(let runner):
      begin(process.machine.start(runner, at: now), on: runner, in: process)
      requestTurn(of: process)
    case .handlerEnds(let attempt): if !attempt.isOver { endHandler(attempt, in: process) }
    case .flowGoesOn(let attempt): goOn(attempt, in: process)
    case .flowBody(let attempt, let step): endBody(attempt, step, in: process)
    case .flowSend(let call): sendAgain(call)
    case .flowAnswer(let call): takeFlowAnswer(call, in: process)
    case .poolAnswers: answerPool(in: process)
    case .hint(let hint):
      process.machine.hint(hint)
      requestTurn(of: process)
    case .listens:
      process.isListening = true
      process.machine.hint(.resync)
      requestTurn(of: process)
    case .listenerEnds(let error):
      process.isListening = false
      process.machine.listenerEnded(error, at: now)
      requestTurn(of: process)
    }
  }

  // MARK: Turns

  /// Soon, as a thread that is woken.
  func requestTurn(of process: SimulatedProcess) {
    let delay = Duration.microseconds(Int.random(in: 0...300, using: &process.generator))
    let instant = now.advanced(by: delay)
    if let next = process.nextTurnAt, next <= instant { return }
    scheduleTurn(of: process, at: instant)
  }

  private func scheduleTurn(of process: SimulatedProcess, at instant: Instant) {
    process.turnNumber += 1
    process.nextTurnAt = instant
    agenda.add(.inside(process, .turn(number: process.turnNumber)), at: instant)
  }

  private func takeTurn(of process: SimulatedProcess) {
    process.nextTurnAt = nil
    noteSpinning(process)
    let turn = process.machine.advance(at: now)
    for case .handlerGivenUp(let label, _) in turn.events { process.noteGivenUp(label) }
    for action in turn.actions { perform(action, in: process) }
    if history.isKept {
      for event in turn.events { history.note(now, "worker \(process.worker) says: \(event)") }
    }
    checkSize(of: process)
    guard process.isAlive else { return }
    if process.machine.isOver {
      checkEnd(of: process)
      history.note(now, "worker \(process.worker) is over")
      return processEnded(process, startAgainAfter: .zero)
    }
    // A timer is never quite on time.
    let late = Duration.microseconds(Int.random(in: 10...500, using: &process.generator))
    let wake = max(turn.wakeAt, now).advanced(by: late)
    if let next = process.nextTurnAt, next <= wake { return }
    scheduleTurn(of: process, at: wake)
  }

  private func perform(_ action: EngineAction, in process: SimulatedProcess) {
    switch action {
    case .call(let order): make(order, in: process)
    case .run(let runner): schedule(.runner(runner), in: process, after: soon(process))
    case .cancel(let runner): cancel(runner, in: process)
    case .judge(let task, let reason):
      let judgement = Judgement(task, nil, reason)
      if judgement.settlement != nil { books.noteOutcome(of: task.claim, in: process, at: now) }
      process.machine.judged(task.claim, judgement)
      requestTurn(of: process)
    case .listen:
      let isReachable = conditions.failure == nil && conditions.hangs == 0 && !process.isCutOff
      let outcome = isReachable ? Step.Inner.listens : .listenerEnds(TaskQueueError(.connection))
      schedule(outcome, in: process, after: .milliseconds(2) + conditions.network)
    case .pingPool:
      process.isPoolAsked = true
      schedule(.poolAnswers, in: process, after: soon(process))
    }
  }

  private func soon(_ process: SimulatedProcess) -> Duration {
    .microseconds(Int.random(in: 0...200, using: &process.generator))
  }

  /// The pool has two threads.
  private func answerPool(in process: SimulatedProcess) {
    guard process.isPoolAsked, process.attempts.count(where: \.isBlocking) < 2 else { return }
    process.isPoolAsked = false
    process.machine.poolAnswered()
  }

  // MARK: Calls of the store

  private func make(_ order: CallOrder, in process: SimulatedProcess) {
    guard let ticket = process.machine.begin(order.id, at: now) else { return }
    var looks = Duration.zero
    if case .exchange(_, let claim?) = order.call, claim.scope.looksAtEverything { looks = store.lookTakes }
    let fate = StoreCall.Fate.draw(
      limit: order.limit,
      conditions: conditions,
      isPartitioned: process.isCutOff,
      looks: looks,
      using: &process.generator
    )
    let call = StoreCall(order, ticket, of: process, at: now, fate)
    process.calls[order.id] = call
    if fate.isBad { process.wellSince = max(process.wellSince, now.advanced(by: fate.waitedFor(limit: order.limit))) }
    store.begin(call)
    history.note(now, "worker \(process.worker) calls \(order.id.number): \(call.text)")
    if let effect = fate.effectAfter { schedule(.effect(call), after: effect) }
    switch fate {
    case .answered(_, let after), .fails(let after, _, _): schedule(.answer(call), in: process, after: after)
    case .isNeverAnswered: break
    }
    // The store itself lets go of what is never done.
    if fate.effectAfter == nil { schedule(.effect(call), after: order.limit + .milliseconds(500)) }
  }

  func takeEffect(_ call: StoreCall) {
    defer { store.endLook(call) }
    guard call.fate.effectAfter != nil else { return }
    guard conditions.failure == nil, conditions.hangs == 0, !cutOff.contains(call.process.worker) else {
      call.answer = .failed(TaskQueueError(conditions.failure ?? .connection))
      call.process.wellSince = max(call.process.wellSince, now)
      return
    }
    do throws(TaskQueueError) {
      let answer = try store.perform(call, at: now)
      call.answer = answer
      noteDone(call, answer)
    } catch {
      call.answer = .failed(error)
      noteRefused(call)
    }
    postHints()
  }

  private func takeAnswer(_ call: StoreCall, in process: SimulatedProcess) {
    process.calls[call.order.id] = nil
    guard let ticket = call.ticket.take() else { return }
    process.longestWait = max(process.longestWait, call.orderedAt.duration(to: now))
    var answer = call.answer ?? .failed(TaskQueueError(.connection))
    if case .fails(_, _, let failure) = call.fate { answer = .failed(TaskQueueError(failure)) }
    if case .failed = answer { process.wellSince = max(process.wellSince, now) }
    if case .prepared = answer { (process.isPrepared, process.wellSince) = (true, max(process.wellSince, now)) }
    if case .exchanged(let exchange) = answer {
      for task in exchange.claimed { process.delivered[task.claim] = now }
    }
    history.note(now, "worker \(process.worker) is answered \(call.order.id.number): \(answer.text)")
    process.machine.end(ticket, answer, at: now)
    requestTurn(of: process)
  }
}

extension ClaimRequest.Scope {
  var looksAtEverything: Bool { if case .after = self { false } else { true } }
}
