import SeededRandom
@_spi(Store) import TaskQueue
import TaskQueueInMemory

/// Handlers that are flows: their calls, one after the other, and what they do with the answers.
extension SimulatedWorld {
  /// Goes through what is recorded, to the next call that takes time.
  func goOn(_ attempt: RunningAttempt, in process: SimulatedProcess) {
    guard let flow = attempt.flow, !attempt.isOver else { return }
    while flow.index < flow.plan.calls.count {
      let name = flow.name(of: flow.index)
      switch flow.journal.begin(name, kinds: flow.kinds(of: flow.index), by: .handler) {
      case .recorded(let step):
        guard take(step, attempt, flow, in: process) else { return }
        flow.index += 1
      case .run(let place): return begin(name, place, attempt, flow, in: process)
      case .leave: return undo(attempt, flow, in: process)
      case .refused(let refusal):
        return fail(.flowRefused, "\(name) of task \(attempt.task.claim.id) is refused: \(refusal)")
      }
    }
    if flow.journal.mark != nil { return undo(attempt, flow, in: process) }
    let action: Settlement.Action =
      flow.plan.isDiscarded
      ? .bury(.discarded, detail: nil, nil) : flow.journal.hasSteps ? .conclude(Conclusion()) : .complete
    endFlow(attempt, action, awaiting: .end, in: process)
  }

  /// What was recorded comes back.
  ///
  /// - Returns: whether the handler goes on at once.
  private func take(
    _ step: FlowStep,
    _ attempt: RunningAttempt,
    _ flow: SimulatedFlow,
    in process: SimulatedProcess
  ) -> Bool {
    switch flow.plan.calls[flow.index] {
    case .step: return true
    case .compensation: return true
    case .sleep(let duration):
      guard let until = step.until, until > store.time(at: now) else { return true }
      suspend(FlowWait(step.name, place: step.place, end: .after(duration)), attempt, flow, in: process)
      return false
    case .event(let key, let timeout):
      guard step.kind == .wait else {
        noteDecision(step, of: attempt)
        return true
      }
      call(.look(key: key, name: step.name, place: step.place, timeout: timeout), attempt, in: process)
      return false
    }
  }

  private func begin(
    _ name: String,
    _ place: Int,
    _ attempt: RunningAttempt,
    _ flow: SimulatedFlow,
    in process: SimulatedProcess
  ) {
    switch flow.plan.calls[flow.index] {
    case .step(let duration):
      noteBody(name, of: attempt)
      schedule(.flowBody(attempt, FlowStep(name, .step, place: place)), in: process, after: duration)
    case .compensation:
      schedule(.flowBody(attempt, FlowStep(name, .undo, place: place)), in: process, after: .zero)
    case .sleep(let duration):
      suspend(FlowWait(name, place: place, end: .after(duration)), attempt, flow, in: process)
    case .event(let key, let timeout):
      call(.look(key: key, name: name, place: place, timeout: timeout), attempt, in: process)
    }
  }

  /// The body of a step has returned.
  func endBody(_ attempt: RunningAttempt, _ step: FlowStep, in process: SimulatedProcess) {
    guard !attempt.isOver, !dies(at: .beforeRecord(step.name), attempt, in: process) else { return }
    call(.record(step), attempt, in: process)
  }

  private func suspend(
    _ wait: FlowWait,
    _ attempt: RunningAttempt,
    _ flow: SimulatedFlow,
    in process: SimulatedProcess
  ) {
    flow.journal.suspend(wait, by: .handler)
    endFlow(attempt, .suspend(flow.journal.waits), awaiting: .suspension(wait.name), in: process)
  }

  // MARK: Undoing

  private func undo(_ attempt: RunningAttempt, _ flow: SimulatedFlow, in process: SimulatedProcess) {
    if flow.toUndo == nil {
      flow.toUndo = faults.contains(.undoneForwards) ? flow.journal.toUndo.reversed() : flow.journal.toUndo
    }
    guard let registration = flow.toUndo?.first else {
      let reason = flow.journal.mark.map { DeadLetterReason(rawValue: $0.reason) } ?? .failed
      return endFlow(attempt, .bury(reason, detail: flow.journal.mark?.detail, nil), awaiting: .end, in: process)
    }
    let name = FlowNames.undo(of: registration)
    guard case .run(let place) = flow.journal.beginUndo(name) else {
      flow.toUndo?.removeFirst()
      return undo(attempt, flow, in: process)
    }
    noteUndo(of: registration, attempt)
    schedule(.flowBody(attempt, FlowStep(name, .step, place: place)), in: process, after: .milliseconds(5))
  }

  // MARK: The store

  private func call(_ kind: SimulatedFlowCall.Kind, _ attempt: RunningAttempt, in process: SimulatedProcess) {
    send(SimulatedFlowCall(kind, attempt, process))
  }

  private func send(_ call: SimulatedFlowCall) {
    schedule(.flowEffect(call), after: way(of: call.process))
  }

  private func way(of process: SimulatedProcess) -> Duration {
    conditions.network + .microseconds(Int.random(in: 50...1_500, using: &process.generator))
  }

  /// The store does what the call asks for, whatever has become of who asked.
  func takeFlowEffect(_ call: SimulatedFlowCall) {
    let id = call.attempt.task.claim.id
    call.answer = .failed
    let isReachable = conditions.failure == nil && conditions.hangs == 0 && !cutOff.contains(call.process.worker)
    if isReachable, !store.state.locks.tasks.contains(id) {
      call.answer = perform(call)
      // Done, and not told.
      if Double.random(in: 0..<1, using: &call.process.generator) < conditions.flakiness { call.answer = .failed }
    }
    postHints()
    schedule(.flowAnswer(call), in: call.process, after: way(of: call.process))
  }

  private func perform(_ call: SimulatedFlowCall) -> SimulatedFlowCall.Answer {
    let claim = call.attempt.task.claim
    switch call.kind {
    case .record(let step):
      guard store.record(step, by: claim, repeats: call.tries > 1, at: now) else { return .lost }
      noteRecorded(step.name, isUndo: step.kind == .undo, by: claim)
      return .recorded
    case .look(let key, let name, let place, let timeout):
      let look = store.look(
        for: key,
        as: name,
        place: place,
        isOver: timeout.map { $0 <= .zero } ?? false,
        claim,
        at: now
      )
      switch look {
      case .lost: return .lost
      case .event, .timedOut: noteRecorded(name, isUndo: false, by: claim)
      case .wait: break
      }
      return .look(look)
    }
  }

  func takeFlowAnswer(_ call: SimulatedFlowCall, in process: SimulatedProcess) {
    let attempt = call.attempt
    guard !attempt.isOver, let flow = attempt.flow else { return }
    switch (call.answer, call.kind) {
    case (.failed, _):
      guard call.tries < SimulatedFlowCall.maxTries else { return endFlow(attempt, nil, awaiting: .end, in: process) }
      call.tries += 1
      schedule(.flowSend(call), in: process, after: .milliseconds(50 << min(call.tries, 4)))
    case (.lost, _): endFlow(attempt, nil, awaiting: .end, in: process)
    case (.recorded, .record(let step)):
      guard !dies(at: .afterRecord(step.name), attempt, in: process) else { return }
      flow.journal.note(step)
      if flow.toUndo != nil {
        flow.toUndo?.removeFirst()
        return undo(attempt, flow, in: process)
      }
      flow.index += 1
      goOn(attempt, in: process)
    case (.look(let look), .look(let key, let name, let place, let timeout)):
      guard !dies(at: .afterRecord(name), attempt, in: process) else { return }
      heard(look, key, FlowStep(name, .timeout, place: place), timeout, attempt, in: process)
    case (.recorded, .look), (.look, .record): break
    }
  }

  func sendAgain(_ call: SimulatedFlowCall) { if !call.attempt.isOver { send(call) } }

  private func heard(
    _ look: FlowEventLook,
    _ key: String,
    _ timedOut: FlowStep,
    _ timeout: Duration?,
    _ attempt: RunningAttempt,
    in process: SimulatedProcess
  ) {
    guard let flow = attempt.flow else { return }
    switch look {
    case .event(let step):
      flow.journal.note(step)
      noteDecision(step, of: attempt)
    case .timedOut:
      flow.journal.note(timedOut)
      noteDecision(timedOut, of: attempt)
    case .wait:
      let end = timeout.map { FlowWait.End.after($0) } ?? .never
      return suspend(FlowWait(timedOut.name, place: timedOut.place, end: end, event: key), attempt, flow, in: process)
    case .lost: return endFlow(attempt, nil, awaiting: .end, in: process)
    }
    flow.index += 1
    goOn(attempt, in: process)
  }

  // MARK: Ends

  /// - Parameter action: nil: it threw.
  private func endFlow(
    _ attempt: RunningAttempt,
    _ action: Settlement.Action?,
    awaiting await: FlowAwait,
    in process: SimulatedProcess
  ) {
    if action != nil, dies(at: `await`, attempt, in: process) { return }
    end(attempt, action.map { Settlement(attempt.task.claim, $0) }, in: process)
  }

  /// Whether the process dies at this await of a flow: each one takes it down once.
  private func dies(at await: FlowAwait, _ attempt: RunningAttempt, in process: SimulatedProcess) -> Bool {
    let id = attempt.task.claim.id
    guard attempt.flow?.plan.crashes == true, !isEnding, flowBooks[id, default: .init()].died.insert(`await`).inserted
    else { return false }
    history.note(now, "worker \(process.worker) is taken down by task \(id), \(`await`)")
    attempt.drop()
    processEnded(process, startAgainAfter: .milliseconds(200))
    return true
  }

  /// An event comes from outside.
  func emit(_ event: EventPlan) {
    guard conditions.failure == nil, conditions.hangs == 0 else {
      return schedule(.emitted(event), after: .milliseconds(100))
    }
    let counts = store.emit(event.key, at: now)
    emittedAt[event.key] = emittedAt[event.key] ?? (now, store.time(at: now))
    history.note(now, "event \(event.key)\(counts ? "" : ", again")")
    postHints()
  }
}

/// A place where a flow awaits something.
enum FlowAwait: Hashable {
  case beforeRecord(String)
  case afterRecord(String)
  case suspension(String)
  case end
}

extension SimulatedFlow {
  func name(of index: Int) -> String {
    switch plan.calls[index] {
    case .step: "step \(index)"
    case .sleep: "sleep \(index)"
    case .event(let key, _): FlowNames.event(key)
    case .compensation: FlowNames.registration("\(index)")
    }
  }

  func kinds(of index: Int) -> Set<FlowStep.Kind> {
    switch plan.calls[index] {
    case .step: [.step]
    case .sleep: [.wait]
    case .event: [.wait, .event, .timeout]
    case .compensation: [.undo]
    }
  }
}
