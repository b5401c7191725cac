@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

extension InMemoryState {
  /// - Returns: whether the claim still held the task; otherwise nothing was changed.
  package mutating func settle(_ settlement: Settlement, now: Date) -> Bool {
    guard var task = tasks[settlement.claim.id], task.token == settlement.claim.token else { return false }
    switch settlement.action {
    case .fail(let failure, _), .bury(_, _, let failure?): task.record(failure)
    default: break
    }
    if case .suspend(let waits) = settlement.action { flows.wait(waits, task.id, now: now) }
    if let rerun = task.rerun {
      if case .conclude = settlement.action { flows.forget(task.id) }
      runOnceMore(task, rerun, now: now)
    } else if task.isCancelRequested, !settlement.action.isCompletion {
      bury(task, .cancelled, detail: nil, now: now)
    } else {
      apply(settlement.action, to: task, now: now)
    }
    return true
  }

  private mutating func runOnceMore(_ held: InMemoryTask, _ rerun: InMemoryTask.Rerun, now: Date) {
    var task = held
    if case .replaced(let content) = rerun { task.content = content }
    task.rerun = nil
    task.isCancelRequested = false
    task.resetCounters()
    task.dueAt = now
    runAgain(task, isCharged: true)
  }

  /// Due at once.
  ///
  /// - Parameter isCharged: whether it is another attempt to a limit with a rate.
  private mutating func runAgain(_ task: InMemoryTask, isCharged: Bool) {
    let waits = isCharged && limits.gives && task.content.limit.map { limits.hasRate($0) } == true
    if !waits, keepsSlot(task) { store(task, phase: .ready) } else { leaveSlot(task) }
  }

  private mutating func apply(_ action: Settlement.Action, to held: InMemoryTask, now: Date) {
    var task = held
    if case .bury = action {} else { task.crashes = 0 }
    switch action {
    case .complete: complete(task, now: now)
    case .conclude(let conclusion):
      flows.forget(task.id)
      keep(task, conclusion, now: now)
      complete(task, now: now)
      noteEnd(of: task, .completed(conclusion.result), now: now)
      expireGroups(of: task.id, now: now)
    case .suspend(let waits): suspend(task, waits, now: now)
    case .reschedule(let delay, let returnsAttempt):
      if returnsAttempt { task.attempt -= 1 }
      reschedule(task, after: delay, now: now)
    case .fail(_, let delay): reschedule(task, after: delay, now: now)
    case .bury(let reason, let detail, _): bury(task, reason, detail: detail, now: now)
    case .release:
      task.attempt -= 1
      runAgain(task, isCharged: false)
    }
  }

  private mutating func complete(_ held: InMemoryTask, now: Date) {
    guard let period = held.content.unique?.periodAfterCompletion else { return remove(held) }
    var task = held
    task.content.payload = Data()
    task.content.headers = [:]
    task.errors = []
    store(task, phase: .finished(keyUntil: now.adding(period)))
  }

  private mutating func reschedule(_ held: InMemoryTask, after delay: Duration, now: Date) {
    var task = held
    task.dueAt = now.adding(max(.zero, delay))
    if task.dueAt <= now { runAgain(task, isCharged: true) } else { store(task, phase: .scheduled) }
  }

  /// A task that the open transaction has changed counts as held and is left alone: nobody can claim it meanwhile.
  package mutating func renew(_ claim: Claim, lease: Duration, now: Date) -> Renewal {
    guard let task = tasks[claim.id], task.token == claim.token else { return .lost }
    let isBusy = locks.tasks.contains(claim.id)
    if !isBusy { store(task, phase: .held(token: claim.token, until: now.adding(lease))) }
    return task.isCancelRequested ? .cancelRequested : isBusy ? .busy : .renewed
  }
}

extension Settlement.Action {
  fileprivate var isCompletion: Bool {
    switch self {
    case .complete, .conclude: true
    case .suspend, .reschedule, .fail, .bury, .release: false
    }
  }
}
