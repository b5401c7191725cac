/// When to claim.
struct Polling: Sendable {
  typealias Instant = WorkerClock.Instant

  /// From this poll interval on, the queues have been empty for a while, and a poll looks at everything.
  private static var quietPoll: Duration { .milliseconds(250) }
  private static var pollAfterVainHint: Duration { .milliseconds(32) }

  private let promotionInterval: Duration
  private var interval: BackoffInterval
  private(set) var nextPollAt: Instant
  private var nextPromotionAt: Instant
  /// When the next waiting task is due, as the last promotion said.
  private var nextDueAt: Instant?
  private var mayHaveMore = true
  private var hasHint = false
  private var isFollowingHint = false
  /// A hint about lines of limits came: what is admitted may stand behind the position.
  private var hasLineHint = false
  private var isLooking = false
  /// The last claim reached its limit.
  private(set) var hasBacklog = false

  init(_ configuration: TaskWorkerConfiguration, at now: Instant) {
    promotionInterval = configuration.promotionInterval
    interval = BackoffInterval(minimum: configuration.minPollInterval, maximum: configuration.maxPollInterval)
    (nextPollAt, nextPromotionAt) = (now, now)
  }

  /// Whether a claim is due.
  func wantsClaim(at now: Instant) -> Bool { mayHaveMore || hasHint || hasLineHint || now >= nextPollAt }

  /// Whether a claim is due. Takes the hint that came since the last one.
  mutating func isDue(at now: Instant) -> Bool {
    if hasHint {
      hasHint = false
      isFollowingHint = true
      nextPollAt = min(nextPollAt, now)
    }
    if hasLineHint {
      (hasLineHint, isLooking) = (false, true)
      nextPromotionAt = min(nextPromotionAt, now)
    }
    return mayHaveMore || now >= nextPollAt
  }

  var isQuiet: Bool { isLooking || !mayHaveMore && interval.current >= Self.quietPoll }
  func promotesDue(at now: Instant) -> Bool { now >= nextPromotionAt }

  mutating func addHint() { hasHint = true }
  mutating func addLineHint() { (hasHint, hasLineHint) = (true, true) }

  /// A waiting task is known to become due then.
  mutating func lookAgain(at instant: Instant) {
    guard instant < nextPollAt else { return }
    nextPollAt = instant
    nextPromotionAt = min(nextPromotionAt, instant)
  }

  /// What a claim of the exchange loop brought.
  mutating func noteClaimed(
    _ exchange: Exchange,
    promotedDue: Bool,
    at now: Instant,
    using generator: inout some RandomNumberGenerator
  ) {
    mayHaveMore = exchange.mayHaveMore
    if promotedDue {
      nextPromotionAt = now.advanced(by: promotionInterval)
      nextDueAt = exchange.nextDueIn.map { now.advanced(by: max(.zero, $0)) }
    }
    if !exchange.claimed.isEmpty {
      interval.reset()
    } else if isFollowingHint {
      // Another worker was faster; it looks for what may follow. This one only makes sure.
      interval.restart(at: Self.pollAfterVainHint)
    }
    (isFollowingHint, isLooking) = (false, false)
    nextPollAt = now.advanced(by: interval.next(using: &generator))
    guard !mayHaveMore, let nextDueAt else { return }
    nextPollAt = min(nextPollAt, nextDueAt)
    nextPromotionAt = min(nextPromotionAt, nextDueAt)
  }

  mutating func noteBacklog(_ hasBacklog: Bool) { self.hasBacklog = hasBacklog }
}

extension WorkerStateMachine {
  /// The exchange loop: outcomes and the next claim, one exchange after another. It never waits to fill a batch.
  mutating func planExchange(at now: Instant, in turn: inout EngineTurn) {
    guard !calls.isUnderWay(.exchange) else { return }
    guard now >= outage.pausedUntil else { return turn.wake(at: outage.pausedUntil) }
    var call = newCall(.exchange, at: now)
    call.settlements = outcomes.takeBatch(at: now)
    // While a refused batch is taken apart, a refusal is to mean one outcome and nothing else.
    if !outcomes.isSifting, isRunning { addNextClaim(to: &call, at: now) }
    if call.settlements.isEmpty, call.claim == nil {
      turn.wake(at: outcomes.nextRetry)
      guard hasIdleSlot else { return }
      for group in groups.indices where places(of: group) ?? 1 > 0 { turn.wake(at: groups[group].polling.nextPollAt) }
      return
    }
    order(call, .exchange(settle: call.settlements, claim: call.claim), in: &turn)
  }

  /// Claims for the group that waited longest of those that have something to claim and a place for it.
  private mutating func addNextClaim(to call: inout CallBook.Call, at now: Instant) {
    for group in groups.inTurn where places(of: group) ?? 1 > 0 {
      guard groups[group].polling.isDue(at: now) else { continue }
      let limit = claimLimit(of: group, at: now)
      guard limit > 0 else { continue }
      let scope = groups[group].stragglers.scope(isQuiet: groups[group].polling.isQuiet, at: now)
      let promotesDue = groups[group].polling.promotesDue(at: now)
      return addClaim(of: group, limit: limit, promotesDue: promotesDue, scope: scope, to: &call, at: now)
    }
  }

  mutating func addClaim(
    of group: Int,
    limit: Int,
    promotesDue: Bool,
    scope: ClaimRequest.Scope,
    to call: inout CallBook.Call,
    at now: Instant
  ) {
    groups.noteServed(group)
    call.group = group
    call.claim = ClaimRequest(
      queues: groups[group].queues,
      types: groups[group].types,
      limit: limit,
      lease: configuration.lease,
      promotesDue: promotesDue,
      scope: scope,
      leasesAt: settings.faults.contains(.clockBelieved) ? nil : storeClock.estimate(at: now),
      expectsBacklog: groups[group].polling.hasBacklog
    )
  }

  /// The second lane: while the exchange loop waits for its answer, settles and claims over another connection, so that the server and the
  /// handlers always have something to do. What is less than a full batch goes with the loop's next exchange.
  mutating func planAssistance(at now: Instant, in turn: inout EngineTurn) {
    guard calls.isUnderWay(.exchange), !calls.isUnderWay(.assistance), !outcomes.isSifting, !outage.isFailing else {
      return
    }
    let group = groups.inTurn.first { groups[$0].polling.hasBacklog && places(of: $0) ?? 1 > 0 }
    let limit = pace.prefetch >= OutcomeBook.fullBatch ? group.map { claimLimit(of: $0, at: now) } ?? 0 : 0
    guard limit > 0 || outcomes.count >= OutcomeBook.fullBatch else { return }
    var call = newCall(.assistance, at: now)
    call.settlements = outcomes.takeBatch(at: now)
    if limit > 0, let group {
      let scope = ClaimRequest.Scope.after(groups[group].stragglers.position)
      addClaim(of: group, limit: limit, promotesDue: false, scope: scope, to: &call, at: now)
    }
    order(call, .exchange(settle: call.settlements, claim: call.claim), in: &turn)
  }

  /// What a claim of any kind brought.
  mutating func noteClaimed(
    _ exchange: Exchange,
    _ request: ClaimRequest,
    of call: CallBook.Call,
    startedAt: Instant,
    at now: Instant
  ) {
    noteStoreTime(exchange, startedAt: startedAt, at: now)
    var group = groups[call.group]
    if case .exchange = call.kind {
      group.polling.noteClaimed(exchange, promotedDue: request.promotesDue, at: now, using: &generator)
    }
    group.stragglers.noteClaimed(exchange, request, call.kind, took: startedAt.duration(to: now), at: now)
    if let retryAt = group.stragglers.deniedPollAt, case .exchange = call.kind { group.polling.lookAgain(at: retryAt) }
    if request.scope.position != nil { group.polling.noteBacklog(exchange.mayHaveMore) }
    groups[call.group] = group
    notePromotion(exchange, of: call.group)
    accept(exchange.claimed, startedAt: startedAt, at: now)
  }

  /// A hint of the store.
  package mutating func hint(_ hint: StoreHint) {
    switch hint {
    case .tasksAvailable(let queue):
      for group in groups.indices where groups[group].queues.contains(queue) { groups[group].polling.addHint() }
    case .lineChanged(let queue):
      for group in groups.indices where groups[group].queues.contains(queue) { groups[group].polling.addLineHint() }
    case .resync: addHint(of: nil)
    case .schedulesChanged: break  // The schedules have a machine of their own.
    case .cancelRequested(let id): leases.addCancelHint(id, isHeld: held[id] != nil)
    }
  }
}

extension ClaimRequest.Scope {
  /// Where the claim begins; nil: at the start.
  var position: ScanPosition? {
    switch self {
    case .everything: nil
    case .after(let position), .rescan(let position): position
    }
  }

  var isLook: Bool {
    switch self {
    case .everything, .rescan: true
    case .after: false
    }
  }
}
