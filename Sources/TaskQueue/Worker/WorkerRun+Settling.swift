import Logging
import Synchronization

extension WorkerRun {
  /// Settles full batches while the exchange loop waits for its answer: on another connection, so that the server may do
  /// both at once. What is less than a full batch goes with the next exchange.
  func settleFullBatches() async {
    while !Task.isCancelled {
      await settleSignal.wait()
      while let batch = state.withLock({ $0.takeFullBatch(atMost: ExchangeLoop.maximumBatch) }) {
        let isSettled = await settle(batch)
        workSignal.raise()
        // The exchange loop takes over: it knows how to go on after a failure.
        guard isSettled else { break }
      }
    }
  }

  private func settle(_ batch: [Settlement]) async -> Bool {
    do {
      let exchange = try await store.exchange(settle: batch, claim: nil)
      let instant = noteSettled(batch, exchange.applied)
      state.withLock { $0.endBatch(lookingAgainAt: instant) }
      return true
    } catch {
      state.withLock { state in
        state.putBack(batch)
        state.endBatch(lookingAgainAt: nil)
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
