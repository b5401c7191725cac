import Logging
import Synchronization

extension WorkerRun {
  /// Renews what is held for longer than a moment, three times per lease, and cancels handlers that lost their lease, ran
  /// out of time, or whose task was cancelled.
  func keepLeases() async {
    let lease = configuration.lease
    let shortestTimeout = handlers.entries.values.compactMap(\.options.timeout).min()
    let tick = max(.milliseconds(10), min(lease / 3, shortestTimeout.map { $0 / 4 } ?? lease))
    while !Task.isCancelled {
      await leaseSignal.wait(atMost: tick, clock: clock)
      guard !Task.isCancelled else { return }
      cancelOverdue()
      let (hinted, aging) = state.withLock { state in
        (state.takeCancelHints(), state.claims(renewedBefore: clock.now.advanced(by: lease / -6)))
      }
      let claims = Array(Set(hinted + aging))
      for start in stride(from: 0, to: claims.count, by: Limits.page) {
        await renew(Array(claims[start..<min(start + Limits.page, claims.count)]))
      }
    }
  }

  private func cancelOverdue() {
    let now = clock.now
    let (ended, overdue) = state.withLock { state in
      (state.claims(leaseEndedAt: now, lease: configuration.lease), state.overdue(at: now))
    }
    for claim in ended { loseLease(claim) }
    for claim in overdue { _ = state.withLock { $0.cancel(claim, reason: .timeout) } }
  }

  private func renew(_ claims: [Claim]) async {
    let startedAt = clock.now
    do {
      let renewals = try await store.renew(claims, lease: configuration.lease)
      for (claim, renewal) in zip(claims, renewals) {
        switch renewal {
        case .renewed: state.withLock { $0.markRenewed(claim, at: startedAt) }
        case .lost: loseLease(claim)
        case .cancelRequested:
          state.withLock { state in
            state.markRenewed(claim, at: startedAt)
            _ = state.cancel(claim, reason: .requested)
          }
          workSignal.raise()
        }
      }
    } catch {
      logger.warning(
        "Leases could not be renewed; tried again at the next tick",
        metadata: [LogKey.count: "\(claims.count)", LogKey.error: "\(error)"]
      )
    }
  }

  private func loseLease(_ claim: Claim) {
    guard let type = state.withLock({ $0.cancel(claim, reason: .leaseLost) }) else { return }
    logger.warning(
      "Lease lost; the handler is cancelled and its outcome ignored",
      metadata: [LogKey.taskID: "\(claim.id)", LogKey.type: "\(type)"]
    )
    workSignal.raise()
  }
}
