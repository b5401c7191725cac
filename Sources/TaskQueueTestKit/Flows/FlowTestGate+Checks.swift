import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the gate sees of an attempt, and the checks that every flow has to pass.
extension FlowTestGate {
  /// A call of the flow has been decided about.
  func observe(_ call: FlowCall) async throws {
    guard let number = Self.current else { return }
    let (caller, now, elapsed) = (FlowRunner.currentTask, time.now, elapsed)
    let title = FlowStep.title(of: call.name)
    let runs = state.withLock { state -> Bool in
      guard case .runs? = state.attempts[number]?.status else {
        if case .runs = call.decision { return true }
        return false
      }
      state.attempts[number]?.reached.insert(call.name)
      switch call.decision {
      case .runs:
        if call.kinds.contains(.event), let caller { state.attempts[number]?.callers[call.name] = caller }
        return true
      case .recorded(let step):
        let isOpen = step.kind == .wait && step.until.map { $0 > now } ?? true
        state.trace.note("\(title): \(isOpen ? "still waits" : "as recorded")", by: number, at: elapsed)
        if call.kinds == [.wait], isOpen, let caller { state.attempts[number]?.told.insert(caller) }
        if call.kinds.contains(.event), let caller { state.attempts[number]?.callers[call.name] = caller }
      case .leaves:
        state.trace.note("\(title): told to leave", by: number, at: elapsed)
        if let caller { state.attempts[number]?.told.insert(caller) }
      case .refused(let code):
        state.trace.note("\(title): refused (\(code.map { "\($0)" } ?? "leaseLost"))", by: number, at: elapsed)
      }
      return false
    }
    guard runs else { return }
    try await pass("before \(title)")
    note("\(title): begins")
    // A sleep tells its caller to leave.
    if call.kinds == [.wait], let caller { state.withLock { _ = $0.attempts[number]?.told.insert(caller) } }
  }

  /// An event that is not there yet: who asked is told to leave.
  func noteNoEvent(_ step: String) {
    guard let number = Self.current else { return }
    state.withLock { state in
      if let caller = state.attempts[number]?.callers[step] { state.attempts[number]?.told.insert(caller) }
    }
  }

  /// The waits of a suspension, and when they end.
  func noteWaits(_ action: Settlement.Action) {
    guard case .suspend(let waits) = action else { return }
    let now = time.now
    state.withLock { state in
      for wait in waits {
        guard let key = wait.event, state.timeouts[key] == nil, case .after(let duration) = wait.end else { continue }
        state.timeouts[key] = now.addingTimeInterval(duration / .seconds(1))
      }
    }
  }

  // MARK: Transactions

  func opened(_ transaction: InMemoryTransaction) {
    guard let number = Self.current else { return }
    let isLost = state.withLock { state in
      switch state.attempts[number]?.status {
      case .runs?, .yields?: state.attempts[number]?.transactions.append(transaction)
      case .halted?: return true
      // A zombie's transactions are its own affair.
      case .zombie?, .ended?, nil: break
      }
      return false
    }
    if isLost { store.lose(transaction) }
  }

  func closed(_ transaction: InMemoryTransaction) {
    guard let number = Self.current else { return }
    state.withLock { $0.attempts[number]?.transactions.removeAll { $0 === transaction } }
  }

  // MARK: Checks

  /// The flow's task is completed by the attempt of this Swift task.
  func noteCompletion() {
    guard let number = Self.current, checks.contains(.unreachedSteps) else { return }
    state.withLock { state in
      guard let attempt = state.attempts[number] else { return }
      let missed = attempt.task.steps.filter { step in
        ![.wait, .unwind].contains(step.kind) && !attempt.reached.contains(step.name)
      }
      guard let first = missed.min(by: { $0.place < $1.place }) else { return }
      state.problems.append(
        """
        The flow was completed by attempt \(number) without coming to \(FlowStep.title(of: first.name)), which an earlier attempt has \
        recorded. What decides which steps are run, or their names, must be recorded itself.
        """
      )
    }
  }

  func noteCompleting() {
    guard let number = Self.current else { return }
    state.withLock { $0.attempts[number]?.isCompleting = true }
  }

  func noteCommit() {
    guard let number = Self.current else { return }
    if state.withLock({ $0.attempts[number]?.isCompleting ?? false }) { noteCompletion() }
  }

  /// Carries an action out, unless its key is known.
  func act(_ action: String, key: String?) {
    let (number, caller, elapsed) = (Self.current, FlowRunner.currentTask, elapsed)
    state.withLock { state in
      let earlier = state.actions[action] ?? []
      if let key, earlier.contains(where: { $0.key == key }) {
        return state.trace.note("action \"\(action)\": its key is known, nothing is done", by: number, at: elapsed)
      }
      state.trace.note(
        "action \"\(action)\": carried out, \(key == nil ? "without a key" : "with a key")",
        by: number,
        at: elapsed
      )
      state.actions[action] = earlier + [(key, number)]
      if checks.contains(.actionsAfterSuspension), let number, let caller,
        state.attempts[number]?.told.contains(caller) == true
      {
        state.problems.append(
          "Action \"\(action)\" was carried out by code that had been told to leave the handler: let FlowSuspension through."
        )
      }
      guard checks.contains(.repeatedActions), let first = earlier.first else { return }
      let how = key == nil || first.key == nil ? "without a key" : "with another key"
      state.problems.append(
        """
        Action "\(action)" was carried out twice, by attempts \(first.attempt.map(String.init) ?? "-") and \
        \(number.map(String.init) ?? "-"), \(how). Make it an effect, and send the key of its call.
        """
      )
    }
  }

  func hasActed(_ action: String, key: String?) -> Bool {
    state.withLock { state in
      (state.actions[action] ?? []).contains { key == nil || $0.key == key }
    }
  }
}
