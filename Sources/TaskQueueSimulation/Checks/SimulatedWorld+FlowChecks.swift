@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the simulation knows of a flow without asking the store.
struct FlowBook {
  /// Steps that the store has said to be recorded, and the claim that each was recorded by.
  var recorded: [String: Claim] = [:]
  /// Compensations, in the order in which they were registered.
  var registered: [String] = []
  /// It has failed for good, and is being undone.
  var isUnwinding = false
  /// What its handler was told of each event: that it came, or that its time was over.
  var decisions: [String: FlowStep.Kind] = [:]
  /// The events that it waits for, until its next claim.
  var awaited: [String] = []
  /// It was settled as suspended, and not claimed since.
  var isSuspended = false
  /// Awaits that have taken a process down.
  var died: Set<FlowAwait> = []
}

extension SimulatedWorld {
  private static var slack: Duration { .milliseconds(300) }

  // MARK: Calls

  /// The store has recorded something for a claim.
  func noteRecorded(_ name: String, isUndo: Bool, by claim: Claim) {
    progressAt = now
    if let holder = books[claim.id]?.claim, holder != claim {
      fail(.unfenced, "step \(name) of task \(claim.id) was recorded by a claim that has lost it")
    }
    books[claim.id]?.crashes = 0
    let isNew = flowBooks[claim.id, default: .init()].recorded.updateValue(claim, forKey: name) == nil
    if isUndo, isNew { flowBooks[claim.id]?.registered.append(name) }
  }

  /// The body of a step begins: none was recorded before the claim.
  func noteBody(_ name: String, of attempt: RunningAttempt) {
    let claim = attempt.task.claim
    guard books[claim.id]?.claim == claim else { return }
    if let earlier = flowBooks[claim.id]?.recorded[name] {
      fail(
        .ranTwice,
        "step \(name) of task \(claim.id) runs again, \(earlier == claim ? "in" : "after") the attempt that recorded it"
      )
    }
  }

  /// A compensation begins: it is the one registered last of those that are left.
  func noteUndo(of registration: String, _ attempt: RunningAttempt) {
    let claim = attempt.task.claim
    guard let book = flowBooks[claim.id], books[claim.id]?.claim == claim else { return }
    let left = book.registered.filter { book.recorded[FlowNames.undo(of: $0)] == nil }
    if left.last != registration {
      fail(.undoneWrongly, "\(registration) of task \(claim.id) is undone, and \(left) are left")
    }
  }

  /// A handler is told what became of an event: every attempt is told the same.
  func noteDecision(_ step: FlowStep, of attempt: RunningAttempt) {
    let id = attempt.task.claim.id
    let earlier = flowBooks[id, default: .init()].decisions.updateValue(step.kind, forKey: step.name)
    if let earlier, earlier != step.kind {
      fail(.decidedTwice, "\(step.name) of task \(id) was \(earlier), and is \(step.kind)")
    }
  }

  // MARK: Settlements and claims

  func noteFlowSettled(_ settlement: Settlement) {
    let id = settlement.claim.id
    switch settlement.action {
    case .suspend(let waits):
      flowBooks[id, default: .init()].isSuspended = true
      flowBooks[id]?.awaited = waits.compactMap(\.event)
    case .bury(let reason, _, _):
      guard reason == .discarded || reason == .cancelled, store.state.dead[id] != nil else { return }
      let book = flowBooks[id] ?? .init()
      guard let left = book.registered.last(where: { book.recorded[FlowNames.undo(of: $0)] == nil }) else { return }
      fail(.undoneWrongly, "task \(id) is put aside, and \(left) was not undone")
    default: break
    }
  }

  func noteFlowClaimed(_ id: TaskID) {
    flowBooks[id]?.isSuspended = false
    flowBooks[id]?.awaited = []
  }

  // MARK: Audits

  func auditFlows() {
    guard !flowBooks.isEmpty else { return }
    checkEvents()
    checkLimitOfSuspended()
  }

  /// A flow that waits for an event is due once that has come.
  private func checkEvents() {
    let time = store.time(at: now)
    for (id, book) in flowBooks where book.isSuspended {
      guard let task = store.state.tasks[id], case .scheduled = task.phase, task.dueAt > time else { continue }
      for key in book.awaited {
        guard let (emitted, emittedTime) = emittedAt[key], emitted.advanced(by: Self.slack) < now else { continue }
        // Due when it came; the clock may have gone back since.
        guard task.dueAt > emittedTime else { continue }
        fail(.eventLost, "task \(id) waits for \(key), which came at \(emitted.text)")
      }
    }
  }

  /// A flow that waits holds no slot of a limit without order: others of its key go on.
  private func checkLimitOfSuspended() {
    for (id, book) in flowBooks where book.isSuspended {
      guard let limit = books[id]?.plan.limit, let task = store.state.tasks[id], case .scheduled = task.phase else {
        continue
      }
      let others = store.state.tasks.values.filter { $0.id != id && books[$0.id]?.plan.limit == limit }
      let inLine = others.filter { if case .inLine = $0.phase { true } else { false } }
      let active = others.count {
        switch $0.phase {
        case .held, .ready: true
        case .scheduled, .inLine, .finished: false
        }
      }
      let maximum = SimulationPlan.limits.first { $0.name == limit.name }?.concurrency ?? 1
      guard let waiting = inLine.first, active < maximum, !store.state.locks.tasks.contains(waiting.id) else {
        continue
      }
      fail(.slotKept, "task \(waiting.id) waits for a slot of \(limit), and the flow \(id) keeps one while it waits")
    }
  }
}
