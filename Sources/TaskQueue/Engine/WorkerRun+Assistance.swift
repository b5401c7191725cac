import Logging
import Synchronization

extension WorkerRun {
  /// The second lane: while the exchange loop waits for its answer, settles and claims over another connection, so that the
  /// server and the handlers always have something to do. What is less than a full batch goes with the loop's next exchange.
  func assist() async {
    while !Task.isCancelled {
      await assistSignal.wait()
      while let (settlements, request) = nextAssistance() {
        let isDone = await assist(settlements, request)
        workSignal.raise()
        // The exchange loop takes over: it knows how to go on after a failure.
        guard isDone else { break }
      }
    }
  }

  private func nextAssistance() -> ([Settlement], ClaimRequest?)? {
    state.withLock { state in
      let work = state.takeAssistance(
        concurrency: configuration.concurrency,
        maxPrefetch: configuration.maxPrefetch,
        maxBatch: ExchangeLoop.maxBatch,
        at: clock.now
      )
      guard let work else { return nil }
      guard work.limit > 0 else { return (work.settlements, nil) }
      return (work.settlements, claimRequest(limit: work.limit, promotesDue: false, scope: .after(state.position)))
    }
  }

  private func assist(_ settlements: [Settlement], _ request: ClaimRequest?) async -> Bool {
    let startedAt = clock.now
    do {
      let exchange = try await store.exchange(settle: settlements, claim: request)
      let instant = noteSettled(settlements, exchange.applied)
      if let request { accept(exchange, request, since: startedAt) }
      state.withLock { $0.endAssistance(lookingAgainAt: instant) }
      return true
    } catch {
      if let request { endClaim(request, since: startedAt) }
      state.withLock { state in
        state.putBack(settlements)
        state.endAssistance(lookingAgainAt: nil)
      }
      return false
    }
  }

  /// - Returns: when the first of them is due again.
  func noteSettled(_ settlements: [Settlement], _ applied: [Bool]) -> WorkerClock.Instant? {
    let now = clock.now
    var next: WorkerClock.Instant?
    for (settlement, isApplied) in zip(settlements, applied) {
      guard isApplied else {
        logger.warning(
          "The claim had lost its task; its outcome was not recorded",
          metadata: [LogKey.taskID: "\(settlement.claim.id)"]
        )
        continue
      }
      switch settlement.action {
      case .reschedule(let delay, _), .fail(_, retryAfter: let delay):
        next = min(next ?? now.advanced(by: delay), now.advanced(by: delay))
      case .release, .complete, .bury: break
      }
    }
    return next
  }
}
