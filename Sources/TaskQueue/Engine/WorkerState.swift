import DequeModule

/// What the worker holds at one time. Pure: the worker's shell locks it, asks it, and acts.
///
/// A task is *queued* (claimed, not started), *running*, or has its outcome in `outcomes` (waiting to be settled).
struct WorkerState: Sendable {
  typealias Instant = WorkerClock.Instant

  /// running → draining (claims nothing, handlers may finish) → cancelling (handlers were told to stop).
  enum Phase: Sendable {
    case running
    case draining
    case cancelling
  }

  private(set) var phase = Phase.running
  /// May contain tasks that are not held any more; ``start(_:at:)`` passes them over.
  private var queued: Deque<ClaimedTask> = []
  private var queuedBytes = 0
  /// How many of `queued` are not held any more.
  private var forgottenCount = 0
  private var held: [TaskID: HeldTask] = [:]
  private var outcomes: [Settlement] = []
  /// Tasks asked for in claims that are not answered yet.
  private var claimsUnderWay = 0
  /// The last claim reached its limit.
  private var hasBacklog = false
  /// An exchange beside the exchange loop is under way.
  private var isAssisting = false
  /// When a task that was settled there is due again.
  private var nextLook: Instant?
  private(set) var runningCount = 0
  private(set) var runnerCount = 0
  /// Handlers that ended since then.
  private var finishedCount = 0
  private var measuredAt: Instant?
  /// How many tasks to hold beyond the handlers' number.
  private var prefetch = 0
  private(set) var position = ScanPosition()
  var rescans = RescanSchedule()
  private var hasHint = false
  private var cancelHints: Set<TaskID> = []

  var isIdle: Bool { held.isEmpty && outcomes.isEmpty && claimsUnderWay == 0 && !isAssisting }

  // MARK: Claiming

  /// How many tasks to claim now. Above zero, ``endClaim(_:)`` follows.
  ///
  /// Idle handlers are always filled. Beyond them so many tasks are prefetched as the handlers get through in a moment
  /// (``prefetchHorizon``), judged by what they finished lately: the local queue grows with their speed and stays
  /// nearly empty for slow ones, whose tasks other workers may have. A mere top-up waits until it is worth a claim.
  mutating func claimLimit(concurrency: Int, maxPrefetch: Int, at now: Instant) -> Int {
    guard phase == .running, queuedBytes < Limits.claimBytes else { return 0 }
    measure(maxPrefetch: maxPrefetch, at: now)
    let idleHandlers = concurrency - runningCount - waitingCount - claimsUnderWay
    let wanted = idleHandlers + prefetch
    guard wanted > 0, idleHandlers > 0 || wanted >= min(prefetch / 2, Self.fullBatch) else { return 0 }
    let limit = min(wanted, Limits.claimTasks)
    claimsUnderWay += limit
    return limit
  }

  private static var prefetchHorizon: Duration { .milliseconds(100) }
  private static var measuringInterval: Duration { .milliseconds(5) }

  private mutating func measure(maxPrefetch: Int, at now: Instant) {
    guard let start = measuredAt else {
      measuredAt = now
      return
    }
    let elapsed = start.duration(to: now)
    guard elapsed >= Self.measuringInterval else { return }
    // It at most doubles, so that one lucky batch does not fill the queue.
    let pace = Int(Double(finishedCount) * (Self.prefetchHorizon / elapsed))
    prefetch = min(maxPrefetch, pace, 2 * max(finishedCount, prefetch))
    finishedCount = 0
    measuredAt = now
  }

  /// A claim was answered or failed.
  mutating func endClaim(_ limit: Int) { claimsUnderWay -= limit }

  /// How many tasks the look at everything may claim beside the exchange loop's claims. Above zero, ``endClaim(_:)`` follows.
  mutating func rescanLimit(concurrency: Int) -> Int {
    guard phase == .running, queuedBytes < Limits.claimBytes else { return 0 }
    let limit = min(max(0, concurrency - runningCount - waitingCount) + prefetch, Limits.claimTasks)
    claimsUnderWay += limit
    return limit
  }

  /// What a claim brought, and where the next one begins.
  mutating func noteClaimed(_ exchange: Exchange, from start: ScanPosition) {
    position.notePromotion(from: exchange.promotedFrom, until: exchange.promotedUntil)
    position.advance(over: exchange.claimed, isCutShort: exchange.mayHaveMore, from: start)
    hasBacklog = exchange.mayHaveMore
  }

  /// Whether a free handler waits for a task that nobody has asked for yet.
  func hasRoom(concurrency: Int) -> Bool {
    phase == .running && queuedBytes < Limits.claimBytes && runningCount + waitingCount + claimsUnderWay < concurrency
  }

  /// Takes over claimed tasks; once draining, hands them back instead.
  /// - Returns: whether somebody may have asked to cancel one of them.
  mutating func accept(_ tasks: [ClaimedTask], at now: Instant, timeout: (TaskType) -> Duration?) -> Bool {
    guard phase == .running else {
      outcomes += tasks.map { Settlement($0.claim, .release) }
      return false
    }
    for task in tasks {
      let entry = HeldTask(token: task.claim.token, type: task.type, timeout: timeout(task.type), renewedAt: now)
      // Claimed again by ourselves: our own earlier claim was lost.
      if let old = held.updateValue(entry, forKey: task.claim.id) {
        old.handlerTask?.cancel()
        if old.startedAt == nil { forgetQueued() }
      }
      queued.append(task)
      queuedBytes += task.payload.count
    }
    if cancelHints.isEmpty { return false }
    cancelHints = cancelHints.filter { held[$0] != nil }
    return !cancelHints.isEmpty
  }

  /// How many runners to start now; counted as started.
  mutating func missingRunners(concurrency: Int) -> Int {
    guard phase == .running else { return 0 }
    let missing = max(0, min(concurrency - runnerCount, waitingCount))
    runnerCount += missing
    return missing
  }

  /// Claimed tasks that a handler is to start.
  private var waitingCount: Int { queued.count - forgottenCount }

  /// One of `queued` is not held any more.
  private mutating func forgetQueued() {
    forgottenCount += 1
    if waitingCount == 0 { emptyQueue() }
  }

  private mutating func emptyQueue() {
    queued = []
    queuedBytes = 0
    forgottenCount = 0
  }

  mutating func addHint() { hasHint = true }

  mutating func takeHint() -> Bool {
    defer { hasHint = false }
    return hasHint
  }

  /// Somebody may have asked to cancel this task. It may be on its way here, so it is remembered until the next claim.
  /// - Returns: whether it is held here.
  mutating func addCancelHint(_ id: TaskID) -> Bool {
    guard cancelHints.count < Limits.page else { return held[id] != nil }
    cancelHints.insert(id)
    return held[id] != nil
  }

  /// The claims to ask the store about.
  mutating func takeCancelHints() -> [Claim] {
    let claims = cancelHints.compactMap { id in held[id].map { Claim(id: id, token: $0.token) } }
    for claim in claims { cancelHints.remove(claim.id) }
    return claims
  }

  // MARK: Running

  /// The next task for a runner; nil: the runner ends.
  mutating func start(_ handlerTask: HandlerTask?, at now: Instant) -> ClaimedTask? {
    while phase == .running, let task = queued.popFirst() {
      queuedBytes -= task.payload.count
      // Its claim may have been lost in the queue, and another one of it have come.
      guard let index = index(of: task.claim) else {
        forgottenCount -= 1
        continue
      }
      held.values[index].startedAt = now
      held.values[index].handlerTask = handlerTask
      runningCount += 1
      return task
    }
    runnerCount -= 1
    return nil
  }

  /// Where the claim is held; nil: it is not.
  private func index(of claim: Claim) -> Dictionary<TaskID, HeldTask>.Index? {
    guard let index = held.index(forKey: claim.id), held.values[index].token == claim.token else { return nil }
    return index
  }

  /// How the shell goes on after a handler ended.
  struct Finished {
    /// Why the handler was cancelled, if it was.
    var cancelReason: CancelReason?
    /// false: the task was handed back over the handler's head.
    var isHeld: Bool
  }

  /// The handler returned or threw. The runner may go on with another task unless it was cancelled.
  mutating func finish(_ claim: Claim) -> Finished {
    runningCount -= 1
    finishedCount += 1
    guard let index = index(of: claim) else {
      return Finished(cancelReason: .shutdown, isHeld: false)
    }
    held.values[index].handlerTask = nil
    return Finished(cancelReason: held.values[index].cancelReason, isHeld: true)
  }

  /// What ``complete(_:thenStart:at:)`` did.
  enum Completion {
    /// Recorded. `next`: the runner's next task; `waiting`: outcomes to be settled.
    case recorded(next: ClaimedTask?, waiting: Int)
    /// The handler had been cancelled or its task taken away: the outcome is to be judged.
    case notPlain(Finished)
  }

  /// The handler returned ``TaskOutcome/completed``: finishes, records and starts the next task in one go.
  mutating func complete(_ claim: Claim, thenStart handlerTask: HandlerTask?, at now: Instant) -> Completion {
    let finished = finish(claim)
    guard finished.isHeld, finished.cancelReason == nil else { return .notPlain(finished) }
    _ = record(Settlement(claim, .complete), for: claim)
    return .recorded(next: start(handlerTask, at: now), waiting: outcomes.count)
  }

  mutating func endRunner() { runnerCount -= 1 }

  /// A claimed task that is not to be started.
  mutating func reject(_ settlement: Settlement) { outcomes.append(settlement) }

  /// Lets the outcome wait for an exchange; nil: nothing to record. Returns whether it is the first one waiting.
  mutating func record(_ settlement: Settlement?, for claim: Claim) -> Bool {
    guard let index = index(of: claim) else { return outcomes.isEmpty }
    held.remove(at: index)
    guard let settlement else { return outcomes.isEmpty }
    outcomes.append(settlement)
    return outcomes.count == 1
  }

  // MARK: Settling

  mutating func takeOutcomes(atMost limit: Int) -> [Settlement] {
    if outcomes.count <= limit {
      defer { outcomes = [] }
      return outcomes
    }
    defer { outcomes.removeFirst(limit) }
    return Array(outcomes.prefix(limit))
  }

  /// So many outcomes are not kept waiting for the exchange under way.
  static var fullBatch: Int { 500 }

  /// Whether one exchange at a time cannot feed the handlers.
  var needsAssistance: Bool { hasBacklog && prefetch >= Self.fullBatch }

  /// What to exchange beside the exchange loop; nil: leave it to that. ``endAssistance(lookingAgainAt:)`` follows.
  mutating func takeAssistance(
    concurrency: Int,
    maxPrefetch: Int,
    maxBatch: Int,
    at now: Instant
  ) -> (settlements: [Settlement], limit: Int)? {
    guard !isAssisting else { return nil }
    let limit =
      needsAssistance ? claimLimit(concurrency: concurrency, maxPrefetch: maxPrefetch, at: now) : 0
    guard limit > 0 || outcomes.count >= Self.fullBatch else { return nil }
    isAssisting = true
    return (takeOutcomes(atMost: maxBatch), limit)
  }

  mutating func endAssistance(lookingAgainAt instant: Instant?) {
    isAssisting = false
    if let instant { nextLook = min(nextLook ?? instant, instant) }
  }

  mutating func takeNextLook() -> Instant? {
    defer { nextLook = nil }
    return nextLook
  }

  /// They could not be settled now; they go first next time.
  mutating func putBack(_ settlements: [Settlement]) { outcomes.insert(contentsOf: settlements, at: 0) }
}

extension WorkerState {
  // MARK: Leases

  /// Claims not renewed since the given instant.
  func claims(renewedBefore instant: Instant) -> [Claim] {
    claims { $0.renewedAt < instant && $0.cancelReason != .leaseLost }
  }

  mutating func markRenewed(_ claim: Claim, at now: Instant) {
    guard held[claim.id]?.token == claim.token else { return }
    held[claim.id]?.renewedAt = now
  }

  /// Claims whose lease ended without a successful renewal.
  func claims(leaseEndedAt now: Instant, lease: Duration) -> [Claim] {
    claims { $0.renewedAt.advanced(by: lease) <= now && $0.cancelReason != .leaseLost }
  }

  func overdue(at now: Instant) -> [Claim] {
    claims { entry in
      guard entry.cancelReason == nil, let startedAt = entry.startedAt, let timeout = entry.timeout else {
        return false
      }
      return startedAt.advanced(by: timeout) <= now
    }
  }

  private func claims(where isWanted: (HeldTask) -> Bool) -> [Claim] {
    held.compactMap { isWanted($0.value) ? Claim(id: $0.key, token: $0.value.token) : nil }
  }

  /// Cancels a running handler, or forgets a queued task (whose claim then just runs out, or is lost already).
  /// - Returns: the task's type, if it was held and not cancelled before.
  mutating func cancel(_ claim: Claim, reason: CancelReason) -> TaskType? {
    guard let entry = held[claim.id], entry.token == claim.token else { return nil }
    guard entry.startedAt != nil else {
      held[claim.id] = nil
      forgetQueued()
      if reason == .requested { outcomes.append(Settlement(claim, .bury(.cancelled, detail: nil, nil))) }
      return entry.type
    }
    let isFirst = entry.cancelReason == nil
    // Losing the lease outranks every other reason: then nothing may be settled.
    if isFirst || reason == .leaseLost { held[claim.id]?.cancelReason = reason }
    entry.handlerTask?.cancel()
    return isFirst ? entry.type : nil
  }

  // MARK: Shutting down

  /// Stops claiming; queued tasks are handed back.
  mutating func drain() {
    guard phase == .running else { return }
    phase = .draining
    for task in queued where held[task.claim.id]?.token == task.claim.token {
      held[task.claim.id] = nil
      outcomes.append(Settlement(task.claim, .release))
    }
    emptyQueue()
  }

  /// Tells all running handlers to stop.
  mutating func cancelAll() {
    phase = .cancelling
    for claim in claims(where: { _ in true }) { _ = cancel(claim, reason: .shutdown) }
  }

  /// Hands back what still runs; whatever those handlers return later is ignored.
  /// - Returns: how many.
  mutating func abandonRunning() -> Int {
    let claims = claims { $0.cancelReason != .leaseLost }
    for claim in claims { outcomes.append(Settlement(claim, .release)) }
    held = [:]
    return claims.count
  }
}
