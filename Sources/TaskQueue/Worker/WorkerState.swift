import DequeModule

/// Why a running handler was cancelled.
enum CancelReason: Sendable {
  case leaseLost
  case requested
  case timeout
  case shutdown
}

/// A claimed task until its outcome is recorded. Times are of the worker's own monotonic clock.
struct HeldTask<Instant: InstantProtocol>: Sendable {
  let task: ClaimedTask
  var renewedAt: Instant
  var startedAt: Instant?
  var timeout: Duration?
  var cancelReason: CancelReason?
  /// The handler's task while it runs. Only touched under the worker's lock, and taken out before that task ends.
  var handlerTask: HandlerTask?
}

/// A running handler's task, to cancel it.
///
/// Safety: `UnsafeCurrentTask.cancel()` may be called from any thread while the task lives. The worker's lock sees to that:
/// the handle is stored and removed by the task itself under the lock, and used only under the lock.
struct HandlerTask: @unchecked Sendable {
  private let task: UnsafeCurrentTask

  static var current: HandlerTask? { withUnsafeCurrentTask { $0.map(HandlerTask.init(task:)) } }

  func cancel() { task.cancel() }
}

/// What the worker holds at one time. Pure: the worker's shell locks it, asks it, and acts.
///
/// A task is *queued* (claimed, not started), *running*, or has its outcome in `outcomes` (waiting to be settled).
struct WorkerState<Instant: InstantProtocol>: Sendable {
  /// running → draining (claims nothing, handlers may finish) → cancelling (handlers were told to stop).
  enum Phase: Sendable {
    case running
    case draining
    case cancelling
  }

  private(set) var phase = Phase.running
  private var queued: Deque<TaskID> = []
  private var held: [TaskID: HeldTask<Instant>] = [:]
  private var outcomes: [Settlement] = []
  private(set) var runningCount = 0
  private(set) var runnerCount = 0
  private var finishedSinceClaim = 0
  private var hasHint = false
  private var cancelHints: Set<TaskID> = []

  var isIdle: Bool { held.isEmpty && outcomes.isEmpty }

  // MARK: Claiming

  /// How many tasks to claim now.
  ///
  /// Idle handlers are always filled. Beyond them so many tasks are prefetched as the handlers get through in a moment
  /// (``prefetchHorizon``), judged by what they finished since the last claim: the local queue grows with their speed and stays
  /// nearly empty for slow ones, whose tasks other workers may have. A claim for a mere top-up waits until half of the
  /// prefetch is used up.
  mutating func claimLimit(concurrency: Int, maximumPrefetch: Int, sinceLastClaim elapsed: Duration) -> Int {
    guard phase == .running else { return 0 }
    let idleHandlers = concurrency - runningCount - queued.count
    // At most twice as many as just finished, so that one lucky batch does not fill the queue.
    let growth = min(2, Self.prefetchHorizon / max(elapsed, .microseconds(1)))
    let prefetch = min(maximumPrefetch, Int(Double(finishedSinceClaim) * growth))
    let wanted = idleHandlers + prefetch
    guard wanted > 0, idleHandlers > 0 || queued.count <= prefetch / 2 else { return 0 }
    finishedSinceClaim = 0
    return wanted
  }

  private static var prefetchHorizon: Duration { .milliseconds(100) }

  /// Whether a free handler waits for a task.
  func hasRoom(concurrency: Int) -> Bool { phase == .running && runningCount + queued.count < concurrency }

  /// Takes over claimed tasks; once draining, hands them back instead.
  /// - Returns: whether somebody may have asked to cancel one of them.
  mutating func accept(_ tasks: [ClaimedTask], at now: Instant, timeout: (TaskType) -> Duration?) -> Bool {
    guard phase == .running else {
      outcomes += tasks.map { Settlement($0.claim, .release) }
      return false
    }
    for task in tasks {
      // Claimed again by ourselves: our own earlier claim was lost.
      held[task.claim.id]?.handlerTask?.cancel()
      held[task.claim.id] = HeldTask(task: task, renewedAt: now, timeout: timeout(task.type))
      queued.append(task.claim.id)
    }
    cancelHints = cancelHints.filter { held[$0] != nil }
    return !cancelHints.isEmpty
  }

  /// How many runners to start now; counted as started.
  mutating func missingRunners(concurrency: Int) -> Int {
    guard phase == .running else { return 0 }
    let missing = max(0, min(concurrency - runnerCount, queued.count))
    runnerCount += missing
    return missing
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
    let claims = cancelHints.compactMap { held[$0]?.task.claim }
    for claim in claims { cancelHints.remove(claim.id) }
    return claims
  }

  // MARK: Running

  /// The next task for a runner; nil: the runner ends.
  mutating func start(_ handlerTask: HandlerTask?, at now: Instant) -> ClaimedTask? {
    while phase == .running, let id = queued.popFirst() {
      // Its claim may have been lost in the queue, and another one of it have come.
      guard var entry = held[id], entry.startedAt == nil else { continue }
      entry.startedAt = now
      entry.handlerTask = handlerTask
      held[id] = entry
      runningCount += 1
      return entry.task
    }
    runnerCount -= 1
    return nil
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
    finishedSinceClaim += 1
    guard let entry = held[claim.id], entry.task.claim == claim else {
      return Finished(cancelReason: .shutdown, isHeld: false)
    }
    held[claim.id]?.handlerTask = nil
    return Finished(cancelReason: entry.cancelReason, isHeld: true)
  }

  mutating func endRunner() { runnerCount -= 1 }

  /// A claimed task that is not to be started.
  mutating func reject(_ settlement: Settlement) { outcomes.append(settlement) }

  /// Hands the outcome over to the settler; nil: nothing to record. Returns whether it is the first one waiting.
  mutating func record(_ settlement: Settlement?, for claim: Claim) -> Bool {
    guard held[claim.id]?.task.claim == claim else { return outcomes.isEmpty }
    held[claim.id] = nil
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

  /// They could not be settled now; they go first next time.
  mutating func putBack(_ settlements: [Settlement]) { outcomes.insert(contentsOf: settlements, at: 0) }

  // MARK: Leases

  /// Claims not renewed since the given instant.
  func claims(renewedBefore instant: Instant) -> [Claim] {
    held.values.filter { $0.renewedAt < instant && $0.cancelReason != .leaseLost }.map(\.task.claim)
  }

  mutating func markRenewed(_ claim: Claim, at now: Instant) {
    guard held[claim.id]?.task.claim == claim else { return }
    held[claim.id]?.renewedAt = now
  }

  /// Claims whose lease ended without a successful renewal.
  func claims(leaseEndedAt now: Instant, lease: Duration) -> [Claim] where Instant.Duration == Duration {
    held.values.filter { $0.renewedAt.advanced(by: lease) <= now && $0.cancelReason != .leaseLost }.map(\.task.claim)
  }

  func overdue(at now: Instant) -> [Claim] where Instant.Duration == Duration {
    held.values.compactMap { entry in
      guard entry.cancelReason == nil, let startedAt = entry.startedAt, let timeout = entry.timeout,
        startedAt.advanced(by: timeout) <= now
      else { return nil }
      return entry.task.claim
    }
  }

  /// Cancels a running handler, or forgets a queued task (whose claim then just runs out, or is lost already).
  /// - Returns: the task, if it was held and not cancelled before.
  mutating func cancel(_ claim: Claim, reason: CancelReason) -> ClaimedTask? {
    guard let entry = held[claim.id], entry.task.claim == claim else { return nil }
    guard entry.startedAt != nil else {
      held[claim.id] = nil
      if reason == .requested { outcomes.append(Settlement(claim, .bury(.cancelled, detail: nil, nil))) }
      return entry.task
    }
    let isFirst = entry.cancelReason == nil
    // Losing the lease outranks every other reason: then nothing may be settled.
    if isFirst || reason == .leaseLost { held[claim.id]?.cancelReason = reason }
    entry.handlerTask?.cancel()
    return isFirst ? entry.task : nil
  }

  // MARK: Shutting down

  /// Stops claiming; queued tasks are handed back.
  mutating func drain() {
    guard phase == .running else { return }
    phase = .draining
    for id in queued {
      if let entry = held.removeValue(forKey: id) { outcomes.append(Settlement(entry.task.claim, .release)) }
    }
    queued = []
  }

  /// Tells all running handlers to stop.
  mutating func cancelAll() {
    phase = .cancelling
    for claim in held.values.map(\.task.claim) { _ = cancel(claim, reason: .shutdown) }
  }

  /// Hands back what still runs; whatever those handlers return later is ignored.
  /// - Returns: how many.
  mutating func abandonRunning() -> Int {
    let claims = held.values.filter { $0.cancelReason != .leaseLost }.map(\.task.claim)
    for claim in claims { outcomes.append(Settlement(claim, .release)) }
    held = [:]
    return claims.count
  }
}
