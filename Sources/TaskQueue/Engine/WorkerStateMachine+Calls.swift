/// The calls of the store that are under way.
///
/// At most one of each kind is. One without an answer is taken for failed some time after its limit; what it brings later is still taken in.
struct CallBook: Sendable {
  typealias Instant = WorkerClock.Instant

  enum Kind: Sendable {
    case preparation
    /// Outcomes and claims, one after another.
    case exchange
    /// The second lane beside it.
    case assistance
    case look
    case lateLook
    case writers
    case renewal
    case maintenance
  }

  struct Call: Sendable {
    let kind: Kind
    let orderedAt: Instant
    let expiresAt: Instant
    var settlements: [Settlement] = []
    var claim: ClaimRequest?
    /// The one that the claim is of.
    var group = 0
    var claims: [Claim] = []
    /// Taken for failed; its answer may still come.
    var isExpired = false
  }

  private var calls: [CallID: Call] = [:]
  private var active: [Kind: CallID] = [:]
  private var expired: [CallID] = []
  private var lastNumber: UInt64 = 0
  /// Tasks asked for in claims that are not answered yet.
  private(set) var claimedCount = 0
  private var claimedCounts: [Int: Int] = [:]

  /// So long after its limit an answer is not waited for any more.
  private static var patience: Duration { .seconds(1) }
  /// Late answers are waited for from so many calls.
  private static var maxExpired: Int { 32 }

  func isUnderWay(_ kind: Kind) -> Bool { active[kind] != nil }

  /// Nothing is under way that may bring tasks or record outcomes.
  var isQuiet: Bool { ![.exchange, .assistance, .look, .lateLook].contains(where: isUnderWay) }

  var count: Int { calls.count }

  mutating func order(_ call: Call) -> CallID {
    lastNumber += 1
    let id = CallID(number: lastNumber)
    calls[id] = call
    active[call.kind] = id
    countClaimed(call, 1)
    return id
  }

  /// Those of a group.
  func claimedCount(of group: Int) -> Int { claimedCounts[group] ?? 0 }

  private mutating func countClaimed(_ call: Call, _ sign: Int) {
    guard let limit = call.claim?.limit else { return }
    claimedCount += sign * limit
    claimedCounts[call.group, default: 0] += sign * limit
  }

  func expiry(at now: Instant, limit: Duration) -> Instant { now.advanced(by: limit + min(limit, Self.patience)) }

  func contains(_ id: CallID) -> Bool { calls[id] != nil }

  /// Takes out a call that was answered; nil: it is not waited for any more.
  mutating func end(_ id: CallID) -> Call? {
    guard let call = calls.removeValue(forKey: id) else { return nil }
    if call.isExpired { expired.removeAll { $0 == id } } else { release(call) }
    return call
  }

  /// The calls that are taken for failed now. They stay for their late answers.
  mutating func expire(at now: Instant) -> [Call] {
    let ids = active.values.filter { id in calls[id].map { $0.expiresAt <= now } ?? false }
    return ids.sorted { $0.number < $1.number }.compactMap { id in
      guard let call = calls[id] else { return nil }
      release(call)
      calls[id]?.isExpired = true
      expired.append(id)
      if expired.count > Self.maxExpired { calls[expired.removeFirst()] = nil }
      return call
    }
  }

  var nextExpiry: Instant? { active.values.compactMap { calls[$0]?.expiresAt }.min() }

  private mutating func release(_ call: Call) {
    active[call.kind] = nil
    countClaimed(call, -1)
  }
}

extension WorkerStateMachine {
  mutating func order(_ call: CallBook.Call, _ what: EngineCall, in turn: inout EngineTurn) {
    turn.actions.append(.call(CallOrder(id: calls.order(call), call: what, limit: callLimit)))
  }

  func newCall(_ kind: CallBook.Kind, at now: Instant) -> CallBook.Call {
    let limit: Duration = settings.faults.contains(.endlessCalls) ? .seconds(100_000) : callLimit
    return CallBook.Call(kind: kind, orderedAt: now, expiresAt: calls.expiry(at: now, limit: limit))
  }

  /// The shell takes up an ordered call. nil: it is not wanted any more.
  package func begin(_ id: CallID, at now: Instant) -> CallTicket? {
    calls.contains(id) ? CallTicket(id: id, startedAt: now) : nil
  }

  /// What the store answered, however late.
  package mutating func end(_ ticket: consuming CallTicket, _ answer: CallAnswer, at now: Instant) {
    let (id, startedAt) = (ticket.id, ticket.startedAt)
    ticket.redeem()
    guard let call = calls.end(id), !isOver else { return }
    if call.isExpired {
      takeLate(answer, to: call, startedAt: startedAt, at: now)
    } else {
      take(answer, to: call, startedAt: startedAt, at: now)
    }
  }

  /// Calls without an answer count as failed.
  mutating func endCalls(at now: Instant) {
    guard let next = calls.nextExpiry, next <= now else { return }
    let error = TaskQueueError(.storeFailed, "The store did not answer within \(callLimit).", isRetrySafe: true)
    for call in calls.expire(at: now) { take(.failed(error), to: call, startedAt: call.orderedAt, at: now) }
  }

  private mutating func take(
    _ answer: CallAnswer,
    to call: CallBook.Call,
    startedAt: Instant,
    at now: Instant
  ) {
    switch answer {
    case .prepared:
      doesStoreAnswer = true
      if case .starting = phase { become(.running) }
    case .exchanged(let exchange):
      doesStoreAnswer = true
      notePassed(at: now)
      noteSettled(call.settlements, exchange.settled, at: now)
      if let request = call.claim { noteClaimed(exchange, request, of: call, startedAt: startedAt, at: now) }
    case .writers(let writers): noteWriters(writers, at: now)
    case .renewed(let renewals):
      doesStoreAnswer = true
      noteRenewed(call.claims, renewals, startedAt: startedAt, at: now)
    case .maintained(let report): noteMaintained(report, at: now)
    case .failed(let error): noteFailed(error, call, at: now)
    }
  }

  private mutating func noteFailed(_ error: TaskQueueError, _ call: CallBook.Call, at now: Instant) {
    // Looks and upkeep may be slow where all else goes on.
    if [.preparation, .exchange, .assistance, .renewal].contains(call.kind), !error.isDataRefused {
      doesStoreAnswer = false
    }
    switch call.kind {
    case .preparation: notePreparationFailed(error, at: now)
    case .exchange, .assistance: noteExchangeFailed(error, call, at: now)
    case .look: noteLookFailed(error, of: call.group, at: now)
    case .lateLook: noteLateLookFailed(error, of: call.group, at: now)
    case .writers: noteWritersFailed(error, at: now)
    case .renewal: noteRenewalFailed(error, call.claims, at: now)
    case .maintenance: noteMaintenanceFailed(error, at: now)
    }
  }

  /// An answer after the call was given up: what it brought is held in truth, and what it settled is settled.
  private mutating func takeLate(
    _ answer: CallAnswer,
    to call: CallBook.Call,
    startedAt: Instant,
    at now: Instant
  ) {
    guard case .exchanged(let exchange) = answer else { return }
    let applied = zip(call.settlements, exchange.settled).filter { $0.1 == .applied }.map(\.0.claim)
    for claim in applied {
      if let index = index(of: claim) { held.remove(at: index) }
    }
    outcomes.remove(Set(applied))
    guard call.claim != nil else { return }
    accept(exchange.claimed, startedAt: startedAt, at: now)
  }

  // MARK: Before the first claim

  mutating func planPreparation(at now: Instant, in turn: inout EngineTurn) {
    guard !calls.isUnderWay(.preparation) else { return }
    guard now >= outage.pausedUntil else { return turn.wake(at: outage.pausedUntil) }
    order(newCall(.preparation, at: now), .prepare, in: &turn)
  }

  private mutating func notePreparationFailed(_ error: TaskQueueError, at now: Instant) {
    guard error.code != .invalidConfiguration else { return fail(error) }
    pauseAfter(error, at: now)
  }
}
