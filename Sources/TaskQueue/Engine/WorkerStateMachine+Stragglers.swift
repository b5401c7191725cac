#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// How far the worker has looked, and when it looks again at what may have got behind that.
///
/// An idle worker's polls look at everything anyway. A busy one looks on a connection of its own, because stepping over what a long
/// transaction keeps from being removed can take long; and what is committed late is found by ``CommitWatch``.
struct Stragglers: Sendable {
  typealias Instant = WorkerClock.Instant

  /// A busy worker looks at everything this often.
  static var interval: Duration { .seconds(1) }
  /// Looking takes at most a tenth of the time, as long as that does not keep a task waiting for much longer.
  private static var pausePerDuration: Double { 9 }
  private static var maxPause: Duration { .milliseconds(1_500) }
  /// A look that takes longer must not hold up the exchange loop.
  private static var slowLook: Duration { .milliseconds(20) }
  /// So long after another worker's look kept this one from looking. That worker may be frozen in its midst, or have no free slot.
  private static var pauseAfterDenial: Duration { .milliseconds(250) }
  /// After so many it looks without asking.
  private static var maxDenials: Int { 2 }

  private(set) var position = ScanPosition()
  private var dueAt: Instant?
  /// A claim has begun at the position since the last look at everything.
  private var hasSkipped = false
  private var isUnderWay = false
  private var isSlow = false
  private var denials = 0
  /// The position when the look under way began.
  private var lookStart = ScanPosition()
  var watch = CommitWatch()
  /// The earliest due time that a late look was missed for.
  var missedFrom: Date?
  /// The one that the late look under way begins at.
  var lateLookFrom: Date?
  private(set) var nextWatchAt: Instant?
  private var watchEndedAt: Instant?
  /// When a poll whose look was denied is to be repeated.
  private(set) var deniedPollAt: Instant?
  private let faults: EngineFaults

  init(faults: EngineFaults = []) { self.faults = faults }

  /// Whether something may get behind the position and not be found by the next look at everything soon.
  var needsCommitWatch: Bool { hasSkipped || isUnderWay || isSlow }

  /// When a look at everything is due; nil: none is needed, or one is under way. Slow ones are always needed: no claim of another kind looks
  /// at everything then.
  var nextLookAt: Instant? { (hasSkipped || isSlow) && !isUnderWay ? dueAt : nil }

  /// One that is late, because no slot was free, does not ask: a frozen worker's look must not make it wait for the next free slot.
  private func look(at now: Instant) -> ClaimRequest.Scope {
    let isLate = dueAt.map { now >= $0.advanced(by: Self.interval) } ?? false
    return isLate || denials > Self.maxDenials ? .everything : .rescan(position)
  }

  /// What the exchange loop's next claim looks at.
  ///
  /// - Parameter isQuiet: the queues have been empty for a while.
  mutating func scope(isQuiet: Bool, at now: Instant) -> ClaimRequest.Scope {
    let isOverdue = isQuiet || dueAt.map { now >= $0.advanced(by: Self.interval) } ?? true
    guard isOverdue, !isUnderWay, !isSlow else {
      hasSkipped = true
      return .after(position)
    }
    return beginLook(at: now)
  }

  mutating func beginLook(at now: Instant) -> ClaimRequest.Scope {
    isUnderWay = true
    lookStart = position
    hasSkipped = false
    return look(at: now)
  }

  mutating func noteClaimed(
    _ exchange: Exchange,
    _ request: ClaimRequest,
    _ kind: CallBook.Kind,
    took: Duration,
    at now: Instant
  ) {
    deniedPollAt = nil
    switch request.scope {
    case .everything:
      endLook(exchange, asked: false, took: took, at: now)
      noteLook(exchange, from: lookStart)
    case .rescan(let start):
      endLook(exchange, asked: true, took: took, at: now)
      noteLook(exchange, from: start)
    case .after(let start): note(exchange, from: start)
    }
  }

  private mutating func note(_ exchange: Exchange, from start: ScanPosition) {
    position.notePromotion(from: exchange.promotedFrom, until: exchange.promotedUntil)
    position.advance(over: exchange.claimed, isCutShort: exchange.mayHaveMore, from: start)
  }

  private mutating func noteLook(_ exchange: Exchange, from start: ScanPosition) {
    note(exchange, from: start)
    guard exchange.lookedAtEverything, exchange.mayHaveMore else { return }
    position.goBack(behind: exchange.claimed)
  }

  private mutating func endLook(_ exchange: Exchange, asked: Bool, took: Duration, at now: Instant) {
    isUnderWay = false
    guard exchange.lookedAtEverything || faults.contains(.denialIgnored) else {
      denials += 1
      hasSkipped = true
      dueAt = now.advanced(by: Self.pauseAfterDenial)
      deniedPollAt = dueAt
      return
    }
    // Who kept it from looking may still do so: after a look that did not ask, one more denial is enough.
    denials = asked ? 0 : min(denials, Self.maxDenials)
    // What the store itself needed, if it says so: waits and ways are no work.
    let work = faults.contains(.uncappedPause) ? took : exchange.lookTook ?? took
    isSlow = work > Self.slowLook
    dueAt = now.advanced(by: max(Self.interval, min(work * Self.pausePerDuration, maxPause)))
  }

  private var maxPause: Duration { faults.contains(.uncappedPause) ? .seconds(3_600) : Self.maxPause }

  /// The fault of ``EngineFaults/lookPutOff``.
  mutating func putOffIfFaulty(at now: Instant) {
    if faults.contains(.lookPutOff) { dueAt = now.advanced(by: Self.interval) }
  }

  /// A claim that leaves out what is behind its beginning.
  mutating func noteSkipped() { hasSkipped = true }

  /// A task that is due since then was handed back.
  mutating func noteHandedBack(_ dueAt: Date) { position.goBack(to: dueAt) }

  /// A look failed: nothing was looked at.
  mutating func noteFailed(at now: Instant) {
    isUnderWay = false
    hasSkipped = true
    dueAt = now.advanced(by: Self.pauseAfterDenial)
  }

  /// Nothing gets behind the position now.
  mutating func endWatch(at now: Instant) {
    if nextWatchAt != nil { watchEndedAt = now }
    (missedFrom, nextWatchAt) = (nil, nil)
  }

  /// Something may get behind the position again. Who was writing before is remembered for a moment: a look at everything may end between two
  /// claims, and they may commit right after it.
  mutating func beginWatch(at now: Instant) -> Instant {
    if let nextWatchAt { return nextWatchAt }
    if let ended = watchEndedAt, now > ended.advanced(by: CommitWatch.interval) { watch = CommitWatch() }
    let next = now.advanced(by: CommitWatch.interval)
    nextWatchAt = next
    return next
  }

  mutating func watchAgain(at instant: Instant) { nextWatchAt = instant }

  mutating func noteWriters(_ writers: OpenWriters) {
    guard let from = watch.note(writers) else { return }
    missedFrom = min(missedFrom ?? from, from)
  }

  mutating func noteLateLookFailed() {
    if let from = lateLookFrom { missedFrom = min(missedFrom ?? from, from) }
  }

  /// Behind everything that is due since then.
  func position(backTo oldest: Date) -> ScanPosition {
    var position = position
    position.goBack(to: oldest)
    return position
  }
}

extension WorkerStateMachine {
  // MARK: Looking at everything

  /// While the exchange loop is busy behind its position, looks at everything now and then, on another connection. Without room for what might
  /// be found it stays due, and the next free slot is for it.
  mutating func planLook(at now: Instant, in turn: inout EngineTurn) {
    guard !calls.isUnderWay(.look), !outage.isFailing else { return }
    for group in groups.inTurn {
      guard let due = groups[group].stragglers.nextLookAt else { continue }
      guard now >= due else {
        turn.wake(at: due)
        continue
      }
      pace.measureIdle(at: now, maxPrefetch: configuration.maxPrefetch)
      let limit = lookLimit(of: group, at: now)
      guard limit > 0 else {
        groups[group].stragglers.putOffIfFaulty(at: now)
        continue
      }
      var call = newCall(.look, at: now)
      let scope = groups[group].stragglers.beginLook(at: now)
      addClaim(of: group, limit: limit, promotesDue: true, scope: scope, to: &call, at: now)
      return order(call, .exchange(settle: [], claim: call.claim), in: &turn)
    }
  }

  mutating func noteLookFailed(_ error: TaskQueueError, of group: Int, at now: Instant) {
    groups[group].stragglers.noteFailed(at: now)
    events.append(.lookFailed("\(error)"))
  }

  // MARK: Looking behind late commits

  /// While the exchange loop is busy behind its position, looks behind transactions that ended since the last time.
  mutating func planLateLook(at now: Instant, in turn: inout EngineTurn) {
    var nextWatchAt: Instant?
    for group in groups.indices {
      guard groups[group].stragglers.needsCommitWatch else {
        groups[group].stragglers.endWatch(at: now)
        continue
      }
      let due = groups[group].stragglers.beginWatch(at: now)
      nextWatchAt = min(nextWatchAt ?? due, due)
    }
    guard let nextWatchAt, !calls.isUnderWay(.writers), !calls.isUnderWay(.lateLook), !outage.isFailing else { return }
    for group in groups.inTurn {
      guard let oldest = groups[group].stragglers.missedFrom else { continue }
      let limit = lookLimit(of: group, at: now)
      guard limit > 0 else { continue }
      var call = newCall(.lateLook, at: now)
      let scope = ClaimRequest.Scope.after(groups[group].stragglers.position(backTo: oldest))
      // It may take the only free slot: what became due meanwhile is to be seen.
      let promotesDue = groups[group].polling.promotesDue(at: now)
      addClaim(of: group, limit: limit, promotesDue: promotesDue, scope: scope, to: &call, at: now)
      groups[group].stragglers.missedFrom = nil
      groups[group].stragglers.lateLookFrom = oldest
      // Otherwise late looks, which take the free slot first, would keep looks at everything and promotions away.
      groups[group].stragglers.noteSkipped()
      return order(call, .exchange(settle: [], claim: call.claim), in: &turn)
    }
    guard now >= nextWatchAt else { return turn.wake(at: nextWatchAt) }
    watchAgain(at: now.advanced(by: CommitWatch.interval))
    order(newCall(.writers, at: now), .openWriters, in: &turn)
  }

  private mutating func watchAgain(at instant: Instant) {
    for group in groups.indices where groups[group].stragglers.needsCommitWatch {
      groups[group].stragglers.watchAgain(at: instant)
    }
  }

  mutating func noteWriters(_ writers: OpenWriters?, at now: Instant) {
    // A store without open writers is seen in order; it is not asked again for long.
    guard let writers else { return watchAgain(at: now.advanced(by: .seconds(3_600))) }
    for group in groups.indices { groups[group].stragglers.noteWriters(writers) }
  }

  mutating func noteLateLookFailed(_ error: TaskQueueError, of group: Int, at now: Instant) {
    groups[group].stragglers.noteLateLookFailed()
    noteWritersFailed(error, at: now)
  }

  mutating func noteWritersFailed(_ error: TaskQueueError, at now: Instant) {
    watchAgain(at: now.advanced(by: CommitWatch.interval))
    events.append(.lookFailed("\(error)"))
  }
}
