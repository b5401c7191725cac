import Logging
import Synchronization

extension WorkerRun {
  func claimRequest(limit: Int, promotesDue: Bool, scope: ClaimRequest.Scope) -> ClaimRequest {
    ClaimRequest(
      queues: configuration.queues,
      types: handlers.types,
      limit: limit,
      lease: configuration.lease,
      promotesDue: promotesDue,
      scope: scope
    )
  }

  /// Takes over what a claim brought.
  func accept(_ exchange: Exchange, _ request: ClaimRequest, since startedAt: WorkerClock.Instant) {
    endClaim(request, since: startedAt)
    if let start = request.scope.position { state.withLock { $0.noteClaimed(exchange, from: start) } }
    guard !exchange.claimed.isEmpty else { return }
    var accepted = exchange.claimed
    // Hardly ever; and copying the array would cost every task.
    if accepted.contains(where: { rejection(of: $0) != nil }) {
      accepted.removeAll { task in
        guard let action = rejection(of: task) else { return false }
        if case .bury(let reason, _, _) = action { logDeadLetter(task, reason: reason) }
        state.withLock { $0.reject(Settlement(task.claim, action)) }
        return true
      }
    }
    let mayBeCancelled = state.withLock { state in
      state.accept(accepted, at: startedAt) { handlers.entries[$0]?.options.timeout }
    }
    runnerSignal.raise()
    if mayBeCancelled { leaseSignal.raise() }
  }

  /// Why a claimed task is not started, if so.
  private func rejection(of task: ClaimedTask) -> Settlement.Action? {
    if task.isCancelRequested { return .bury(.cancelled, detail: nil, nil) }
    if task.crashes > configuration.maximumCrashes {
      return .bury(
        .crashed,
        detail: "\(task.crashes) attempts ended without an outcome: their workers died or lost the lease.",
        nil
      )
    }
    if let deadline = task.deadline, deadline <= task.claimedAt {
      return .bury(.expired, detail: "Its deadline passed before attempt \(task.attempt).", nil)
    }
    return nil
  }

  // MARK: Looking at everything

  /// While the exchange loop is busy behind its position, looks at everything now and then, on another connection.
  func findStragglers() async {
    while !Task.isCancelled {
      let wait = state.withLock { $0.rescans.wait(at: clock.now) }
      try? await clock.sleep(for: wait)
      let request = state.withLock { state -> ClaimRequest? in
        guard state.rescans.begin(at: clock.now) else { return nil }
        let limit = state.rescanLimit(concurrency: configuration.concurrency)
        guard limit > 0 else {
          state.rescans.postpone(at: clock.now)
          return nil
        }
        return claimRequest(limit: limit, promotesDue: true, scope: .rescan(state.position))
      }
      guard let request else { continue }
      await rescan(request)
      workSignal.raise()
    }
  }

  private func rescan(_ request: ClaimRequest) async {
    let startedAt = clock.now
    do {
      accept(try await store.exchange(settle: [], claim: request), request, since: startedAt)
    } catch {
      endClaim(request, since: startedAt)
      guard !Task.isCancelled else { return }
      logger.debug("A look at everything failed; it is tried again", metadata: [LogKey.error: "\(error)"])
    }
  }

  /// The claim was answered or failed.
  func endClaim(_ request: ClaimRequest, since startedAt: WorkerClock.Instant) {
    let now = clock.now
    state.withLock { state in
      state.endClaim(request.limit)
      if case .rescan = request.scope { state.rescans.end(at: now, took: startedAt.duration(to: now)) }
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
}
