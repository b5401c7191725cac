/// Outcomes that wait to be settled.
struct OutcomeBook: Sendable {
  typealias Instant = WorkerClock.Instant

  private struct Deferred: Sendable {
    let settlement: Settlement
    let until: Instant
  }

  /// How an outcome was put off so far.
  private struct Delay: Sendable {
    var lastWait = Duration.milliseconds(5)
    /// Since when its row has been locked; nil: it has not.
    var blockedSince: Instant?
    /// When that is to be told next.
    var tellsAt: Instant?
  }

  /// Settlements per exchange at most.
  static var maxBatch: Int { 1_000 }
  /// So many outcomes are not kept waiting for the exchange under way.
  static var fullBatch: Int { 500 }

  private var waiting: [Settlement] = []
  /// Their rows were locked by others; each has a wait of its own.
  private var deferred: [Deferred] = []
  private var delays: [Claim: Delay] = [:]
  /// A row that is locked for longer is told: a transaction of the app's may have been forgotten.
  private static var blockPatience: Duration { .seconds(5) }
  /// It is told again after so long.
  private static var blockInterval: Duration { .seconds(60) }
  /// Batches of a thousand are down to one outcome after ten halvings.
  private static let siftingFailures = 3...15
  private var failureCount = 0
  /// Smaller while one of the next outcomes is suspected: the store refused a batch for the data of one of them.
  private(set) var batchLimit = OutcomeBook.maxBatch

  var count: Int { waiting.count }
  var isEmpty: Bool { waiting.isEmpty && deferred.isEmpty }
  /// A refused batch is being taken apart.
  var isSifting: Bool { batchLimit < Self.maxBatch }
  var nextRetry: Instant? { deferred.map(\.until).min() }

  mutating func append(_ settlement: Settlement) { waiting.append(settlement) }

  mutating func takeBatch(at now: Instant) -> [Settlement] {
    if !deferred.isEmpty {
      waiting += deferred.lazy.filter { $0.until <= now }.map(\.settlement)
      deferred.removeAll { $0.until <= now }
    }
    if waiting.isEmpty { batchLimit = Self.maxBatch }
    if waiting.count <= batchLimit {
      defer { waiting = [] }
      return waiting
    }
    defer { waiting.removeFirst(batchLimit) }
    return Array(waiting.prefix(batchLimit))
  }

  /// They could not be settled now; they go first next time.
  mutating func putBack(_ settlements: [Settlement]) { waiting.insert(contentsOf: settlements, at: 0) }

  /// It is offered again after 10 ms, 20, … at most a second.
  mutating func putOff(_ settlement: Settlement, at now: Instant) {
    var delay = delays[settlement.claim] ?? Delay()
    delay.lastWait = min(delay.lastWait * 2, .seconds(1))
    delays[settlement.claim] = delay
    deferred.append(Deferred(settlement: settlement, until: now.advanced(by: delay.lastWait)))
  }

  /// Another session has locked the row; the outcome is put off.
  ///
  /// - Returns: for how long it has been locked, if that is to be told now.
  mutating func putOffBlocked(_ settlement: Settlement, at now: Instant) -> Duration? {
    putOff(settlement, at: now)
    let claim = settlement.claim
    let since = delays[claim]?.blockedSince ?? now
    delays[claim]?.blockedSince = since
    guard now >= delays[claim]?.tellsAt ?? since.advanced(by: Self.blockPatience) else { return nil }
    delays[claim]?.tellsAt = now.advanced(by: Self.blockInterval)
    return since.duration(to: now)
  }

  /// Takes the outcome out that waits for a locked row; nil: none does.
  mutating func takeDeferred(_ claim: Claim) -> Settlement.Action? {
    guard let index = deferred.firstIndex(where: { $0.settlement.claim == claim }) else { return nil }
    delays[claim] = nil
    return deferred.remove(at: index).settlement.action
  }

  mutating func noteSettled(_ claim: Claim) {
    if !delays.isEmpty { delays[claim] = nil }
  }

  /// One of so many is suspected to fail all of them.
  mutating func sift(_ count: Int) { batchLimit = max(1, count / 2) }

  mutating func noteAccepted() {
    failureCount = 0
    if isSifting { batchLimit = min(Self.maxBatch, batchLimit * 2) }
  }

  /// An exchange failed for another reason than the connection.
  /// - Returns: whether to look for one outcome that fails the others: the first failures may pass, and after many it is not one outcome.
  mutating func noteFailed() -> Bool {
    failureCount += 1
    return Self.siftingFailures ~= failureCount
  }

  mutating func remove(_ claims: Set<Claim>) {
    guard !claims.isEmpty else { return }
    waiting.removeAll { claims.contains($0.claim) }
    deferred.removeAll { claims.contains($0.settlement.claim) }
    for claim in claims { delays[claim] = nil }
  }
}

extension WorkerStateMachine {
  /// What the store did with the outcomes of one exchange.
  mutating func noteSettled(_ settlements: [Settlement], _ results: [SettlementResult], at now: Instant) {
    guard !settlements.isEmpty else { return }
    outcomes.noteAccepted()
    for (settlement, result) in zip(settlements, results) {
      if case .busy = result, !settings.faults.contains(.busyForgotten) {
        let blocked = outcomes.putOffBlocked(settlement, at: now)
        if let blocked, let index = index(of: settlement.claim) {
          events.append(.outcomeBlocked(TaskLabel(held.values[index].task), for: blocked))
        }
        continue
      }
      outcomes.noteSettled(settlement.claim)
      let entry = index(of: settlement.claim).map { held.remove(at: $0).value }
      if case .lost = result {
        // If an earlier offer's answer was lost, this most likely says that it was applied.
        if let entry, !entry.mayBeSettled { events.append(.outcomeLost(TaskLabel(entry.task))) }
        continue
      }
      switch settlement.action {
      case .reschedule(let delay, _), .fail(_, retryAfter: let delay):
        lookAgain(for: entry?.task, at: now.advanced(by: delay))
      case .release:
        addHint(of: entry?.task)
        if let task = entry?.task, let group = groups.index(of: task) {
          groups[group].stragglers.noteHandedBack(task.dueAt)
        }
      case .suspend(let waits): lookAgain(for: entry?.task, at: now.advanced(by: Self.untilLook(waits)))
      case .conclude, .bury:
        // Its group counts it a moment later.
        if let task = entry?.task, task.isFollowed { lookAgain(for: task, at: now.advanced(by: .milliseconds(21))) }
      case .complete: break
      }
    }
  }

  /// When there may be something to promote after a suspension: an event that came meanwhile is looked at a moment later.
  private static func untilLook(_ waits: [FlowWait]) -> Duration {
    if waits.contains(where: { $0.event != nil }) { return .milliseconds(51) }
    let ends = waits.compactMap { if case .after(let duration) = $0.end { duration } else { nil } }
    return min(ends.min() ?? Limits.delay, Limits.delay)
  }

  /// An exchange failed. An outcome is given up only if its own data is refused; everything else may pass, and is offered again: by itself
  /// if it seems to fail the others.
  mutating func noteExchangeFailed(_ error: TaskQueueError, _ call: CallBook.Call, at now: Instant) {
    if let claim = call.claim {
      groups[call.group].polling.addHint()
      if claim.scope.isLook { groups[call.group].stragglers.noteFailed(at: now) }
    }
    let settlements = call.settlements
    if settings.faults.contains(.outcomesDropped) {
      for settlement in settlements { held[settlement.claim.id] = nil }
      return pauseAfter(error, at: now)
    }
    guard error.isDataRefused, !settlements.isEmpty else {
      for settlement in settlements { held[settlement.claim.id]?.mayBeSettled = true }
      let sifts = !error.isRetrySafe && !settlements.isEmpty && outcomes.noteFailed()
      if sifts, settlements.count == 1 {
        outcomes.putOff(settlements[0], at: now)
      } else {
        outcomes.putBack(settlements)
      }
      guard sifts else { return pauseAfter(error, at: now) }
      return outcomes.sift(settlements.count)
    }
    guard settlements.count == 1 else {
      outcomes.putBack(settlements)
      return outcomes.sift(settlements.count)
    }
    outcomes.noteAccepted()
    let claim = settlements[0].claim
    if let index = index(of: claim) {
      let task = held.remove(at: index).value.task
      events.append(.outcomeRefused(TaskLabel(task), error: "\(error)"))
    }
  }

  /// The store could not do it: the next exchange waits, longer each time, but never for long.
  mutating func pauseAfter(_ error: TaskQueueError, at now: Instant) {
    let wait = outage.fail(at: now, using: &generator)
    events.append(.storeFailed("\(error)", retryIn: wait))
  }

  /// The store answers.
  mutating func notePassed(at now: Instant) {
    if let duration = outage.pass(at: now) { events.append(.storeBack(after: duration)) }
  }
}
