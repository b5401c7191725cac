import Logging
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

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
    if accepted.contains(where: { $0.rejection(maxCrashes: configuration.maxCrashes) != nil }) {
      accepted.removeAll { task in
        guard let action = task.rejection(maxCrashes: configuration.maxCrashes) else { return false }
        if case .bury(let reason, _, _) = action { noteDeadLetter(task, reason: reason) }
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
      _ = await look(request)
    }
  }

  /// While a look is under way its slots are taken: the exchange loop has to hear of its end.
  /// - Returns: whether the store answered.
  private func look(_ request: ClaimRequest) async -> Bool {
    let startedAt = clock.now
    defer { workSignal.raise() }
    do {
      accept(try await store.exchange(settle: [], claim: request), request, since: startedAt)
      return true
    } catch {
      endClaim(request, since: startedAt)
      noteFailedLook(error)
      return false
    }
  }

  private func noteFailedLook(_ error: TaskQueueError) {
    guard !Task.isCancelled else { return }
    logger.debug("A look behind the position failed; it is tried again", metadata: [LogKey.error: "\(error)"])
  }

  // MARK: Looking behind late commits

  /// While the exchange loop is busy behind its position, looks behind transactions that ended since the last time.
  func followLateCommits() async {
    var watch = CommitWatch()
    /// The earliest due time that a look was missed for.
    var missedFrom: Date?
    while !Task.isCancelled {
      try? await clock.sleep(for: CommitWatch.interval)
      guard state.withLock({ $0.rescans.needsCommitWatch }) else {
        (watch, missedFrom) = (CommitWatch(), nil)
        continue
      }
      do {
        guard let writers = try await store.openWriters() else { return }
        guard let from = watch.note(writers) else { continue }
        missedFrom = min(missedFrom ?? from, from)
        if let request = lateLook(from: missedFrom ?? from), await look(request) { missedFrom = nil }
      } catch { noteFailedLook(error) }
    }
  }

  /// nil: there is no room for what might be found.
  private func lateLook(from oldest: Date) -> ClaimRequest? {
    state.withLock { state in
      let limit = state.rescanLimit(concurrency: configuration.concurrency)
      guard limit > 0 else { return nil }
      var position = state.position
      position.goBack(to: oldest)
      return claimRequest(limit: limit, promotesDue: false, scope: .after(position))
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
