/// When leases are renewed, and when the first of them ends.
struct LeaseTimes: Sendable {
  typealias Instant = WorkerClock.Instant

  private let lease: Duration
  private(set) var nextRenewalAt: Instant
  /// Not after the first lease that ends. nil: nothing is held.
  private(set) var nextEnd: Instant?
  private var cancelHints: Set<TaskID> = []
  /// A hint is about a task that is held here.
  private(set) var hasCancelHint = false

  init(_ lease: Duration, at now: Instant) {
    self.lease = lease
    nextRenewalAt = now.advanced(by: lease / 3)
  }

  mutating func noteHeld(since instant: Instant) {
    let end = instant.advanced(by: lease)
    nextEnd = min(nextEnd ?? end, end)
  }

  mutating func noteChecked(oldest: Instant?) { nextEnd = oldest?.advanced(by: lease) }

  mutating func noteRenewalOrdered(at now: Instant, isLast: Bool) {
    nextRenewalAt = isLast ? now.advanced(by: lease / 3) : now
    hasCancelHint = false
  }

  /// Sooner than the next regular time, which may be too late.
  mutating func noteRenewalFailed(at now: Instant) { nextRenewalAt = now.advanced(by: lease / 12) }

  /// Some could not be renewed, as their rows were locked. Their leases may be over when the locks go.
  mutating func noteLocked(at now: Instant) {
    nextRenewalAt = min(nextRenewalAt, now.advanced(by: min(lease / 12, .seconds(1))))
  }

  mutating func renewSoon(at now: Instant) { nextRenewalAt = now }

  /// Somebody may have asked to cancel this task. It may be on its way here, so it is remembered until the next claim.
  mutating func addCancelHint(_ id: TaskID, isHeld: Bool) {
    if cancelHints.count < Limits.page { cancelHints.insert(id) }
    if isHeld, cancelHints.contains(id) { hasCancelHint = true }
  }

  /// Those about tasks that are held.
  mutating func takeCancelHints(where isHeld: (TaskID) -> Bool) -> Set<TaskID> {
    guard !cancelHints.isEmpty else { return [] }
    let hinted = cancelHints.filter(isHeld)
    cancelHints.subtract(hinted)
    return hinted
  }

  /// Claims were taken in: hints about other tasks were about somebody else's.
  mutating func keepCancelHints(where isHeld: (TaskID) -> Bool) {
    guard !cancelHints.isEmpty else { return }
    cancelHints = cancelHints.filter(isHeld)
    hasCancelHint = !cancelHints.isEmpty
  }
}

extension WorkerStateMachine {
  /// Renews what is held for longer than a moment, three times per lease, and asks about tasks that somebody may have cancelled.
  mutating func planRenewal(at now: Instant, in turn: inout EngineTurn) {
    guard !held.isEmpty, !calls.isUnderWay(.renewal) else { return }
    guard leases.hasCancelHint || now >= leases.nextRenewalAt else { return turn.wake(at: leases.nextRenewalAt) }
    let hinted = leases.takeCancelHints { held[$0] != nil }
    // What was claimed or renewed only just now can wait for the next time, two thirds of its lease before its end.
    let young = now.advanced(by: configuration.lease / -6)
    var claims: [Claim] = []
    for entry in held.values where entry.renewedAt < young || entry.isLocked || hinted.contains(entry.task.claim.id) {
      claims.append(entry.task.claim)
      if claims.count == Limits.page { break }
    }
    leases.noteRenewalOrdered(at: now, isLast: claims.count < Limits.page)
    guard !claims.isEmpty else { return turn.wake(at: leases.nextRenewalAt) }
    var call = newCall(.renewal, at: now)
    call.claims = claims
    order(call, .renew(claims, lease: configuration.lease), in: &turn)
  }

  mutating func noteRenewed(_ claims: [Claim], _ renewals: [Renewal], startedAt: Instant, at now: Instant) {
    for (claim, renewal) in zip(claims, renewals) {
      guard let index = index(of: claim) else { continue }
      let entry = held.values[index]
      switch renewal {
      case .renewed:
        held.values[index].renewedAt = startedAt
        held.values[index].isLocked = false
      case .busy:
        held.values[index].renewedAt = startedAt
        held.values[index].isLocked = true
        leases.noteLocked(at: now)
      case .cancelRequested:
        held.values[index].renewedAt = startedAt
        cancel(entry, .requested, at: now)
      case .lost:
        // An outcome is offered all the same: the store knows what it is worth.
        if case .ended = entry.place { continue }
        loseLease(entry, at: now)
      }
    }
  }

  mutating func noteRenewalFailed(_ error: TaskQueueError, _ claims: [Claim], at now: Instant) {
    leases.noteRenewalFailed(at: now)
    events.append(.renewalFailed(count: claims.count, error: "\(error)"))
  }

  mutating func noteCancelHints(at now: Instant) { leases.keepCancelHints { held[$0] != nil } }

  /// Leases that ended without a renewal, whatever call is under way.
  mutating func endLeases(at now: Instant) {
    guard let end = leases.nextEnd, end <= now else { return }
    if settings.faults.contains(.leaseEndsLate), calls.isUnderWay(.renewal) { return }
    let limit = now.advanced(by: .zero - configuration.lease)
    var oldest: Instant?
    for entry in held.values {
      if case .ended = entry.place { continue }
      if entry.renewedAt <= limit {
        loseLease(entry, at: now)
      } else {
        oldest = min(oldest ?? entry.renewedAt, entry.renewedAt)
      }
    }
    leases.noteChecked(oldest: oldest)
  }

  private mutating func loseLease(_ entry: HeldTask, at now: Instant) {
    events.append(.leaseLost(TaskLabel(entry.task)))
    cancel(entry, .leaseLost, at: now)
  }

  /// Cancels a running attempt, or takes a task out of the queue.
  mutating func cancel(_ entry: HeldTask, _ reason: CancelReason, at now: Instant) {
    let claim = entry.task.claim
    switch entry.place {
    case .queued:
      groups.giveBack(entry.task)
      queue.forget()
      guard reason == .requested else {
        held[claim.id] = nil
        return
      }
      held[claim.id]?.place = .ended
      outcomes.append(Settlement(claim, .bury(.cancelled, detail: nil, nil)))
    case .running(let runner):
      cancelRunner(runner, reason, at: now)
      // Then nothing may be settled.
      if reason == .leaseLost { held[claim.id] = nil }
    case .judged: if reason == .leaseLost { held[claim.id] = nil }
    case .ended: break
    }
  }
}
