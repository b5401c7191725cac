@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What is checked now and then.
extension SimulatedWorld {
  /// 33 of the contract, and what an audit may be late.
  private static var bound: Duration { .milliseconds(2_300) }
  private static var slack: Duration { .milliseconds(300) }
  private static var queuePatience: Duration { .seconds(4) }

  func audit() {
    noteClaimable()
    checkSuspects()
    checkOutcomes()
    auditFlows()
    for case let process? in processes {
      noteTime(of: process)
      noteSlots(of: process)
      checkStuck(process)
      checkSlots(of: process)
      checkShutdown(of: process)
      checkHoard(of: process)
    }
  }

  private func noteClaimable() {
    let time = store.time(at: now)
    for (id, book) in books.books {
      guard let task = store.state.tasks[id] else {
        books[id] = nil
        continue
      }
      var isClaimable = !store.state.paused.contains(task.queue) && !store.state.locks.tasks.contains(id)
      switch task.phase {
      case .ready: break
      case .scheduled: isClaimable = isClaimable && task.dueAt <= time
      case .held(_, let until):
        isClaimable = isClaimable && until <= time && (book.leaseEndsAt.map { $0 <= now } ?? true)
      case .finished, .inLine: isClaimable = false
      }
      if !isClaimable {
        books[id]?.claimableSince = nil
      } else if book.claimableSince == nil {
        books[id]?.claimableSince = now
      }
    }
  }

  /// A worker that judges leases by a time before the store's, since that jumped ahead, lets wait what ended meanwhile.
  private func noteTime(of process: SimulatedProcess) {
    guard let time = process.machine.leasesJudgedAt(now), isBefore(time) else { return }
    process.wellSince = max(process.wellSince, now)
  }

  /// Whether it is a time of before a jump.
  func isBefore(_ time: Date) -> Bool { time + Self.slack / .seconds(1) < store.time(at: now) }

  /// A task that may be claimed is claimed by a worker that is well and has had a free slot all the time.
  private func checkStuck(_ process: SimulatedProcess) {
    // A claim for one slot brings one task, or is the turn of a group that has none: over a slow network that adds up.
    let groups = (1 + process.configuration.maxConcurrent.count) * (1 + process.maxConcurrent.count)
    let claims = (1 + books.books.values.count { $0.claimableSince != nil }) * groups
    let latest = now.advanced(by: .zero - Self.bound - conditions.network * 2 * claims)
    guard process.isWell, process.wellSince <= latest, process.fullAt <= latest else { return }
    for (id, book) in books.books {
      guard let since = book.claimableSince, since <= latest else { continue }
      guard process.configuration.queues.contains(book.plan.queue), process.fullAt(for: book.plan) <= latest else {
        continue
      }
      fail(.stuck, "task \(id) waits since \(since.text), and worker \(process.worker) has a free slot")
    }
  }

  /// A holder whose lease ended has cancelled its handler by now.
  private func checkSuspects() {
    suspects.removeAll { process, attempt, since in
      guard process.isAlive, !process.isPaused, !attempt.isOver else { return true }
      let begin = max(since, process.resumedAt)
      guard now >= begin.advanced(by: .milliseconds(50)) else { return false }
      if attempt.cancelledAt != nil || attempt.isGivenUp { return true }
      // A lock that outlived the lease may have gone before its holder could renew that; if renewals fail it notices after a lease.
      let patience = process.configuration.lease + Self.slack
      if let unlocked = unlockedAt[attempt.task.claim.id], now < unlocked.advanced(by: patience) { return false }
      // A clock that jumped ahead may have ended a lease before its holder could know.
      if let jump = jumpedAheadAt, jump.advanced(by: process.configuration.lease * 2) > since { return true }
      let standing = process.machine.standing(of: attempt.task.claim, on: attempt.runner)
      if standing.isHeld, standing.cancelReason == nil {
        fail(.twoHolders, "task \(attempt.task.claim.id) runs on worker \(process.worker), and another claim holds it")
      }
      return true
    }
  }

  /// Outcomes that were taken over are settled, or still known.
  private func checkOutcomes() {
    for (claim, outcome) in books.outcomes {
      guard outcome.process.isAlive, !outcome.process.isPaused, !outcome.process.machine.knows(claim) else { continue }
      guard store.state.tasks[claim.id]?.token == claim.token else { continue }
      fail(.dropped, "worker \(outcome.process.worker) has forgotten the outcome of task \(claim.id)")
    }
  }

  /// Cancelled handlers and those past their timeout cost their slot for a bounded time.
  private func checkSlots(of process: SimulatedProcess) {
    guard !process.isPaused else { return }
    let grace = process.configuration.cancellationGrace + Self.slack
    for attempt in process.attempts where !attempt.isGivenUp {
      var ends: [Instant] = []
      if let cancelled = attempt.cancelledAt { ends.append(cancelled) }
      if attempt.task.type == SimulationPlan.limitedType {
        ends.append(attempt.startedAt.advanced(by: SimulationPlan.timeout))
      }
      guard let end = ends.min() else { continue }
      guard max(end, process.resumedAt).advanced(by: grace) < now else { continue }
      let claim = attempt.task.claim
      guard process.machine.occupies(attempt.runner) else {
        attempt.isGivenUp = true
        continue
      }
      fail(
        .slotKept,
        "worker \(process.worker) waits for the handler of task \(claim.id), which ignores its cancellation"
      )
    }
  }

  private func checkShutdown(of process: SimulatedProcess) {
    guard let drained = process.drainedAt, !process.isPaused else { return }
    let configuration = process.configuration
    let bound = configuration.shutdownGrace + configuration.cancellationGrace + process.machine.callLimit + Self.slack
    guard max(drained, process.resumedAt).advanced(by: bound) < now else { return }
    fail(.noEnd, "worker \(process.worker) was to end at \(drained.text), and goes on after \(bound)")
  }

  /// Tasks wait in one worker's queue while another one that is well has nothing to do.
  private func checkHoard(of process: SimulatedProcess) {
    process.delivered = process.delivered.filter { process.machine.knows($0.key) }
    let latest = now.advanced(by: .zero - Self.queuePatience)
    guard process.isWell, process.wellSince <= latest, process.machine.queuedCount > 0 else { return }
    guard let oldest = process.delivered.min(by: { $0.value < $1.value }), oldest.value <= latest else { return }
    for case let other? in processes where other !== process && other.isWell {
      guard other.wellSince <= latest, other.fullAt <= latest else { continue }
      guard !store.state.locks.tasks.contains(oldest.key.id) else { continue }
      guard let task = store.state.tasks[oldest.key.id], other.configuration.queues.contains(task.queue),
        let plan = books.books[task.id]?.plan, other.fullAt(for: plan) <= latest
      else { continue }
      fail(.hoarded, "task \(task.id) waits in worker \(process.worker), and worker \(other.worker) has a free slot")
    }
  }

  // MARK: Each turn

  func checkSize(of process: SimulatedProcess) {
    let size = process.machine.size
    let places = process.configuration.concurrency + process.configuration.maxPrefetch
    let bound = 8 * places + 64
    guard size.held > bound || size.outcomes > bound || size.calls > 48 || size.runners > 64 else { return }
    fail(.unbounded, "worker \(process.worker) holds \(size)")
  }

  func noteSpinning(_ process: SimulatedProcess) {
    let second = Instant.zero.duration(to: now).components.seconds
    if process.turns.second == second { process.turns.count += 1 } else { process.turns = (second, 1) }
    if process.turns.count > 4_000 { fail(.spins, "worker \(process.worker) takes turns without end") }
  }

  /// The worker says that it is over: what it took over is settled, unless the store did not answer.
  func checkEnd(of process: SimulatedProcess) {
    guard !process.isAborted, process.wellSince <= now.advanced(by: .seconds(-3)) else { return }
    for claim in books.outcomes(of: process) where store.state.tasks[claim.id]?.token == claim.token {
      guard !store.state.locks.tasks.contains(claim.id) else { continue }
      fail(.dropped, "worker \(process.worker) ends without settling task \(claim.id), and the store answers")
    }
  }
}

extension WorkerClock.Instant {
  var text: String { "\(Instant.zero.duration(to: self))" }
}
