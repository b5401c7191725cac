/// When to claim.
struct Polling: Sendable {
  typealias Instant = WorkerClock.Instant

  /// From this poll interval on, the queues have been empty for a while, and a poll looks at everything.
  private static var quietPoll: Duration { .milliseconds(250) }
  private static var pollAfterVainHint: Duration { .milliseconds(32) }

  private let promotionInterval: Duration
  private var interval: BackoffInterval
  /// Its end bounds how late a worker comes back after an outage.
  private var failures = BackoffInterval(minimum: .milliseconds(50), maximum: .seconds(1))
  private var failingSince: Instant?
  /// Nothing is asked of the store before.
  private(set) var pausedUntil: Instant
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
    (pausedUntil, nextPollAt, nextPromotionAt) = (now, now, now)
  }

  var isFailing: Bool { failingSince != nil }

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

  mutating func fail(at now: Instant, using generator: inout some RandomNumberGenerator) -> Duration {
    failingSince = failingSince ?? now
    let wait = failures.next(using: &generator)
    pausedUntil = max(pausedUntil, now.advanced(by: wait))
    return wait
  }

  /// - Returns: how long the store had failed; nil: it had not.
  mutating func pass(at now: Instant) -> Duration? {
    failures.reset()
    pausedUntil = min(pausedUntil, now)
    defer { failingSince = nil }
    return failingSince.map { $0.duration(to: now) }
  }
}

extension WorkerStateMachine {
  /// The exchange loop: outcomes and the next claim, one exchange after another. It never waits to fill a batch.
  mutating func planExchange(at now: Instant, in turn: inout EngineTurn) {
    guard !calls.isUnderWay(.exchange) else { return }
    guard now >= polling.pausedUntil else { return turn.wake(at: polling.pausedUntil) }
    var call = newCall(.exchange, at: now)
    call.settlements = outcomes.takeBatch(at: now)
    // While a refused batch is taken apart, a refusal is to mean one outcome and nothing else.
    if !outcomes.isSifting, isRunning { call.claim = nextClaim(at: now) }
    if call.settlements.isEmpty, call.claim == nil {
      turn.wake(at: outcomes.nextRetry)
      if hasIdleSlot { turn.wake(at: polling.nextPollAt) }
      return
    }
    order(call, .exchange(settle: call.settlements, claim: call.claim), in: &turn)
  }

  private mutating func nextClaim(at now: Instant) -> ClaimRequest? {
    guard polling.isDue(at: now) else { return nil }
    let limit = claimLimit(at: now)
    guard limit > 0 else { return nil }
    let scope = stragglers.scope(isQuiet: polling.isQuiet, at: now)
    return claimRequest(limit: limit, promotesDue: polling.promotesDue(at: now), scope: scope, at: now)
  }

  func claimRequest(limit: Int, promotesDue: Bool, scope: ClaimRequest.Scope, at now: Instant) -> ClaimRequest {
    ClaimRequest(
      queues: configuration.queues,
      types: types,
      limit: limit,
      lease: configuration.lease,
      promotesDue: promotesDue,
      scope: scope,
      leasesAt: settings.faults.contains(.clockBelieved) ? nil : storeClock.estimate(at: now)
    )
  }

  /// The second lane: while the exchange loop waits for its answer, settles and claims over another connection, so that the server and the
  /// handlers always have something to do. What is less than a full batch goes with the loop's next exchange.
  mutating func planAssistance(at now: Instant, in turn: inout EngineTurn) {
    guard calls.isUnderWay(.exchange), !calls.isUnderWay(.assistance), !outcomes.isSifting, !polling.isFailing else {
      return
    }
    let needsClaims = polling.hasBacklog && pace.prefetch >= OutcomeBook.fullBatch
    let limit = needsClaims ? claimLimit(at: now) : 0
    guard limit > 0 || outcomes.count >= OutcomeBook.fullBatch else { return }
    var call = newCall(.assistance, at: now)
    call.settlements = outcomes.takeBatch(at: now)
    if limit > 0 {
      call.claim = claimRequest(limit: limit, promotesDue: false, scope: .after(stragglers.position), at: now)
    }
    order(call, .exchange(settle: call.settlements, claim: call.claim), in: &turn)
  }

  /// What a claim of any kind brought.
  mutating func noteClaimed(
    _ exchange: Exchange,
    _ request: ClaimRequest,
    of kind: CallBook.Kind,
    startedAt: Instant,
    at now: Instant
  ) {
    noteStoreTime(exchange, startedAt: startedAt, at: now)
    if case .exchange = kind {
      polling.noteClaimed(exchange, promotedDue: request.promotesDue, at: now, using: &generator)
    }
    stragglers.noteClaimed(exchange, request, kind, took: startedAt.duration(to: now), at: now)
    if let retryAt = stragglers.deniedPollAt, case .exchange = kind { polling.lookAgain(at: retryAt) }
    if request.scope.position != nil { polling.noteBacklog(exchange.mayHaveMore) }
    accept(exchange.claimed, startedAt: startedAt, at: now)
  }

  /// A hint of the store.
  package mutating func hint(_ hint: StoreHint) {
    switch hint {
    case .tasksAvailable(let queue): if configuration.queues.contains(queue) { polling.addHint() }
    case .lineChanged(let queue): if configuration.queues.contains(queue) { polling.addLineHint() }
    case .resync: polling.addHint()
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
