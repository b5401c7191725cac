@_spi(Store) import TaskQueue
import TaskQueueInMemory

/// What is checked when the store did something.
extension SimulatedWorld {
  func noteDone(_ call: StoreCall, _ answer: CallAnswer) {
    switch answer {
    case .exchanged(let exchange):
      for (settlement, result) in zip(call.settlements, exchange.settled) {
        noteSettled(settlement, result, by: call.process)
      }
      if let request = call.claim { noteClaimed(exchange, request, call) }
    case .renewed(let renewals):
      guard case .renew(let claims, let lease) = call.order.call else { return }
      for (claim, renewal) in zip(claims, renewals) where renewal != .lost && books[claim.id]?.claim == claim {
        // A locked row keeps its lease's end.
        guard renewal != .busy, !store.state.locks.tasks.contains(claim.id) else { continue }
        books[claim.id]?.leaseEndsAt = now.advanced(by: lease)
        books[claim.id]?.claimableSince = nil
      }
    case .prepared, .writers, .maintained, .failed: break
    }
  }

  func noteSettled(_ settlement: Settlement, _ result: SettlementResult, by process: SimulatedProcess) {
    let claim = settlement.claim
    guard result != .busy else { return }
    books.noteSettled(claim)
    guard result == .applied else { return }
    progressAt = now
    history.note(now, "task \(claim.id) settled by worker \(process.worker): \(settlement.action)")
    books[claim.id]?.crashes = 0
    books[claim.id]?.claim = nil
    books[claim.id]?.leaseEndsAt = nil
    noteFlowSettled(settlement)
    // Of a flow that was being undone the reason has been looked at before.
    let wasUnwinding = flowBooks[claim.id]?.isUnwinding ?? false
    flowBooks[claim.id]?.isUnwinding = store.state.flows.isUnwinding(claim.id)
    guard !wasUnwinding, case .bury(let reason, _, _) = settlement.action else { return }
    checkBurial(claim.id, reason, by: process)
  }

  private func checkBurial(_ id: TaskID, _ reason: DeadLetterReason, by process: SimulatedProcess) {
    switch reason {
    case .discarded: break
    case .cancelled:
      if books[id]?.isCancelled != true { fail(.buried, "task \(id) counts as cancelled, and nobody asked for it") }
    case .crashed:
      let crashes = books.crashesBeforeBurial[id] ?? 0
      guard crashes <= process.configuration.maxCrashes else { return }
      fail(.buried, "task \(id) is put aside for its crashes after \(crashes) in a row")
    default: fail(.buried, "task \(id) is put aside: \(reason)")
    }
  }

  /// The only settlement of a call was refused for its data: that one may be dropped.
  func noteRefused(_ call: StoreCall) {
    if call.settlements.count == 1 { books.noteSettled(call.settlements[0].claim) }
  }

  // MARK: Claims

  private static var bound: Duration { .milliseconds(2_300) }

  private func noteClaimed(_ exchange: Exchange, _ request: ClaimRequest, _ call: StoreCall) {
    for task in exchange.claimed {
      let id = task.claim.id
      checkOvertaking(task, call)
      checkTheft(of: id, call)
      checkLimit(of: task)
      noteFlowClaimed(id)
      if books[id]?.claim != nil { books[id]?.crashes += 1 }
      books.crashesBeforeBurial[id] = books[id]?.crashes
      books[id]?.claim = task.claim
      books[id]?.leaseEndsAt = now.advanced(by: request.lease)
      books[id]?.claimableSince = nil
      history.note(now, "task \(id) claimed for worker \(call.process.worker), attempt \(task.attempt)")
    }
    for task in exchange.claimed { noteOtherHolders(of: task, call) }
    if exchange.lookedAtEverything { call.process.lookedAt = now }
  }

  /// A clock that jumps ahead, once, ends no lease for a worker that knew the time before.
  private func checkTheft(of id: TaskID, _ call: StoreCall) {
    guard let book = books[id], let end = book.leaseEndsAt, book.claim != nil else { return }
    let lease = call.process.configuration.lease
    let slack = max(.milliseconds(500), lease / 4) + .milliseconds(400) + call.process.longestWait
    guard end > now.advanced(by: slack), clockJumps == 1, call.process.knewTimeBeforeJump else { return }
    fail(.stolen, "task \(id) is held until \(end.text), and worker \(call.process.worker) claims it")
  }

  /// No more are held than the limit lets; where order is strict, none that came before is left.
  private func checkLimit(of task: ClaimedTask) {
    let id = task.claim.id
    guard let limit = books[id]?.plan.limit, let rule = SimulationPlan.limits.first(where: { $0.name == limit.name })
    else { return }
    let others = store.state.tasks.values.filter { $0.id != id && books[$0.id]?.plan.limit == limit }
    let held = others.count { if case .held = $0.phase { true } else { false } }
    if held >= rule.concurrency { fail(.overLimit, "task \(id) runs beside \(held) others of \(limit)") }
    guard rule.order.isOrdered else { return }
    for other in others where other.id < id {
      if case .finished = other.phase { continue }
      fail(.outOfOrder, "task \(id) of \(limit) runs, and task \(other.id) before it has not ended")
    }
  }

  /// Whoever ran it before must know by now that it is theirs no more.
  private func noteOtherHolders(of task: ClaimedTask, _ call: StoreCall) {
    for case let process? in processes {
      for attempt in process.attempts where attempt.task.claim.id == task.claim.id && attempt.task.claim != task.claim {
        suspects.append((process, attempt, now))
      }
    }
  }

  private func checkOvertaking(_ task: ClaimedTask, _ call: StoreCall) {
    let latest = call.orderedAt.advanced(by: .zero - Self.bound)
    guard call.process.isWell, call.process.wellSince <= latest else { return }
    if let time = call.claim?.leasesAt, isBefore(time) { return }
    if let looked = call.process.lookedAt, looked > latest { return }
    guard !call.process.calls.values.contains(where: { $0.claim?.scope.looksAtEverything ?? false }) else { return }
    for (id, book) in books.books {
      guard let since = book.claimableSince, since <= latest, book.plan.queue == task.queue else { continue }
      guard !store.state.locks.tasks.contains(id), let other = store.state.tasks[id], other.token != task.claim.token
      else { continue }
      guard (other.priority, other.dueAt, id) < (task.priority, task.dueAt, task.claim.id) else { continue }
      fail(
        .overtaken,
        "task \(id) waits since \(since.text), and worker \(call.process.worker) claims task \(task.claim.id)"
      )
    }
  }
}
