import Logging
import Synchronization

/// The loop that talks to the store about outcomes and new tasks, both in one exchange, and decides when to poll.
///
/// It never waits to fill a batch: it takes what is there. While an exchange is under way handlers go on with prefetched
/// tasks, and their outcomes make the next batch. With a backlog ``WorkerRun/assist()`` exchanges beside it.
struct ExchangeLoop {
  /// Settlements per exchange at most.
  static var maxBatch: Int { 1_000 }
  /// From this poll interval on, the queues have been empty for a while, and a poll looks at everything.
  private static var quietPoll: Duration { .milliseconds(250) }
  private static var pollAfterVainHint: Duration { .milliseconds(32) }

  private let run: WorkerRun
  private var generator = SystemRandomNumberGenerator()
  private var poll: BackoffInterval
  private var failureBackoff = BackoffInterval(minimum: .milliseconds(50), maximum: .seconds(5))
  private var nextPollAt: WorkerClock.Instant
  private var nextPromotionAt: WorkerClock.Instant
  private var mayHaveMore = true
  private var isFollowingHint = false
  private var shutdown: ShutdownProgress?

  init(run: WorkerRun) {
    self.run = run
    poll = BackoffInterval(
      minimum: run.configuration.minPollInterval,
      maximum: run.configuration.maxPollInterval
    )
    nextPollAt = run.clock.now
    nextPromotionAt = run.clock.now
  }

  mutating func work() async {
    while !Task.isCancelled {
      if advanceShutdown() { return }
      let (settlements, request) = nextExchange()
      if settlements.isEmpty, request == nil {
        await pause()
      } else {
        await exchange(settlements, request)
      }
    }
  }

  // MARK: One exchange

  private mutating func nextExchange() -> ([Settlement], ClaimRequest?) {
    let now = run.clock.now
    let configuration = run.configuration
    let (settlements, isHinted, nextLook) = run.state.withLock { state in
      (state.takeOutcomes(atMost: Self.maxBatch), state.takeHint(), state.takeNextLook())
    }
    if let nextLook { lookAgain(at: nextLook) }
    if isHinted {
      isFollowingHint = true
      nextPollAt = now
    }
    guard mayHaveMore || now >= nextPollAt else { return (settlements, nil) }
    let isQuiet = !mayHaveMore && poll.current >= Self.quietPoll
    let (limit, scope, needsAssistance) = run.state.withLock { state -> (Int, ClaimRequest.Scope, Bool) in
      let limit = state.claimLimit(
        concurrency: configuration.concurrency,
        maxPrefetch: configuration.maxPrefetch,
        at: now
      )
      guard limit > 0 else { return (0, .everything, state.needsAssistance) }
      return (limit, state.rescans.scope(of: state.position, isQuiet: isQuiet, at: now), state.needsAssistance)
    }
    if needsAssistance { run.assistSignal.raise() }
    guard limit > 0 else { return (settlements, nil) }
    return (settlements, run.claimRequest(limit: limit, promotesDue: now >= nextPromotionAt, scope: scope))
  }

  private mutating func exchange(_ settlements: [Settlement], _ request: ClaimRequest?) async {
    let startedAt = run.clock.now
    do {
      let exchange = try await run.store.exchange(settle: settlements, claim: request)
      failureBackoff.reset()
      if let instant = run.noteSettled(settlements, exchange.applied) { lookAgain(at: instant) }
      if let request { noteClaimed(exchange, request, since: startedAt) }
    } catch {
      if let request {
        run.endClaim(request, since: startedAt)
        run.state.withLock { $0.addHint() }
      }
      await recover(settlements, from: error)
    }
  }

  private mutating func noteClaimed(
    _ exchange: Exchange,
    _ request: ClaimRequest,
    since startedAt: WorkerClock.Instant
  ) {
    let now = run.clock.now
    mayHaveMore = exchange.mayHaveMore
    if request.promotesDue { nextPromotionAt = now.advanced(by: run.configuration.promotionInterval) }
    if !exchange.claimed.isEmpty {
      poll.reset()
    } else if isFollowingHint {
      // Another worker was faster; it looks for what may follow. This one only makes sure.
      poll.restart(at: Self.pollAfterVainHint)
    }
    isFollowingHint = false
    nextPollAt = now.advanced(by: poll.next(using: &generator))
    if let nextDueIn = exchange.nextDueIn { lookAgain(at: now.advanced(by: nextDueIn)) }
    run.accept(exchange, request, since: startedAt)
  }

  /// A waiting task is known to become due then.
  private mutating func lookAgain(at instant: WorkerClock.Instant) {
    guard instant < nextPollAt else { return }
    nextPollAt = instant
    nextPromotionAt = min(nextPromotionAt, instant)
  }

  // MARK: Trouble

  private mutating func recover(_ settlements: [Settlement], from error: TaskQueueError) async {
    guard !Task.isCancelled else { return }
    if error.isRetrySafe || settlements.isEmpty {
      run.state.withLock { $0.putBack(settlements) }
    } else {
      await settleOneByOne(settlements)
    }
    let wait = failureBackoff.next(using: &generator)
    run.logger.warning(
      "The store failed; it is tried again",
      metadata: [LogKey.error: "\(error)", LogKey.wait: "\(wait)"]
    )
    try? await run.clock.sleep(for: wait)
  }

  /// One settlement that the store refuses must not hold up the others: its lease runs out, which is bounded by `maxCrashes`.
  private func settleOneByOne(_ settlements: [Settlement]) async {
    for (index, settlement) in settlements.enumerated() {
      do { _ = try await run.store.exchange(settle: [settlement], claim: nil) } catch {
        if error.isRetrySafe {
          run.state.withLock { $0.putBack(Array(settlements[index...])) }
          return
        }
        run.logger.error(
          "An outcome was refused by the store; the task comes back when its lease ends",
          metadata: [LogKey.taskID: "\(settlement.claim.id)", LogKey.error: "\(error)"]
        )
      }
    }
  }

  // MARK: Waiting

  /// Never without a limit: a signal that nobody raises must not make the worker deaf.
  private func pause() async {
    let now = run.clock.now
    let limit: Duration
    if let shutdown {
      limit = now.duration(to: shutdown.deadline)
    } else if run.state.withLock({ $0.hasRoom(concurrency: run.configuration.concurrency) }) {
      limit = now.duration(to: nextPollAt)
    } else {
      limit = run.configuration.maxPollInterval
    }
    if limit > .zero { await run.workSignal.wait(atMost: limit, clock: run.clock) }
  }

  // MARK: Shutting down

  /// - Returns: whether the loop is to end.
  private mutating func advanceShutdown() -> Bool {
    let (phase, isIdle) = run.state.withLock { ($0.phase, $0.isIdle) }
    guard phase != .running else { return false }
    if isIdle { return true }
    let now = run.clock.now
    let configuration = run.configuration
    guard let current = shutdown else {
      shutdown = .init(step: .draining, deadline: now.advanced(by: configuration.shutdownGrace))
      return advanceShutdown()
    }
    guard now >= current.deadline else { return false }
    switch current.step {
    case .draining:
      run.state.withLock { $0.cancelAll() }
      shutdown = .init(step: .cancelling, deadline: now.advanced(by: configuration.cancellationGrace))
      return false
    case .cancelling:
      let count = run.state.withLock { $0.abandonRunning() }
      if count > 0 {
        run.logger.warning(
          "Handlers ignore their cancellation; their tasks are handed back",
          metadata: [LogKey.count: "\(count)"]
        )
      }
      shutdown = .init(step: .flushing, deadline: now.advanced(by: .seconds(10)))
      return false
    case .flushing:
      run.logger.error("Outcomes could not be recorded before the end; those tasks come back when their leases end")
      return true
    }
  }
}

/// How far a shutdown has come, and until when this step may take.
struct ShutdownProgress: Sendable {
  enum Step: Sendable {
    case draining
    case cancelling
    case flushing
  }

  var step: Step
  var deadline: WorkerClock.Instant
}
