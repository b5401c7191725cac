/// When to look at everything again, instead of only behind the ``ScanPosition``.
///
/// An idle worker's polls look at everything anyway. A busy one has a second loop for it, on another connection, because
/// stepping over what a long transaction keeps from being removed can take long; then it is done less often, and what is
/// committed late is found by ``CommitWatch``. Pure.
struct RescanSchedule: Sendable {
  typealias Instant = WorkerClock.Instant

  /// What got behind the position is found within about twice this.
  static var interval: Duration { .seconds(1) }
  /// Looking takes at most a tenth of the time.
  private static var pausePerDuration: Double { 9 }
  /// A look that takes longer must not hold up the exchange loop.
  private static var slowLook: Duration { .milliseconds(20) }

  private var dueAt: Instant?
  /// A claim has begun at the position since the last look at everything.
  private var hasSkipped = false
  private(set) var isUnderWay = false
  private var isSlow = false

  /// Whether something may get behind the position and not be found by the next look at everything soon.
  var needsCommitWatch: Bool { hasSkipped || isUnderWay || isSlow }

  /// What the exchange loop's next claim looks at.
  ///
  /// - Parameter isQuiet: the queues have been empty for a while.
  mutating func scope(of position: ScanPosition, isQuiet: Bool, at now: Instant) -> ClaimRequest.Scope {
    let isOverdue = isQuiet || dueAt.map { now >= $0.advanced(by: Self.interval) } ?? true
    guard isOverdue, !isUnderWay, !isSlow else {
      hasSkipped = true
      return .after(position)
    }
    isUnderWay = true
    hasSkipped = false
    return .rescan(position)
  }

  /// Whether the second loop is to look now. If so, it has begun.
  mutating func begin(at now: Instant) -> Bool {
    guard hasSkipped, !isUnderWay, dueAt.map({ now >= $0 }) ?? false else { return false }
    isUnderWay = true
    hasSkipped = false
    return true
  }

  /// There is no room for what might be found.
  mutating func postpone(at now: Instant) {
    hasSkipped = true
    isUnderWay = false
    dueAt = now.advanced(by: Self.interval)
  }

  mutating func end(at now: Instant, took duration: Duration) {
    isUnderWay = false
    isSlow = duration > Self.slowLook
    dueAt = now.advanced(by: max(Self.interval, duration * Self.pausePerDuration))
  }

  /// How long the second loop may sleep.
  func wait(at now: Instant) -> Duration {
    guard let dueAt, dueAt > now else { return Self.interval }
    return now.duration(to: dueAt)
  }
}
