#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the worker knows of the store's clock.
///
/// A clock that jumps ahead (a failover, a correction) ends all leases at once, although their holders are alive and had no chance to renew
/// them by the new time. So for one lease's time after a jump leases are judged by the time that the worker expected.
struct StoreClock: Sendable {
  typealias Instant = WorkerClock.Instant

  private var base: (time: Date, at: Instant)?
  /// After a jump ahead: until when the old time is held on to.
  private var heldUntil: Instant?

  /// Not after the store's time, unless that went back. nil: unknown, or not held on to any more.
  func estimate(at now: Instant) -> Date? {
    if let heldUntil, now >= heldUntil { return nil }
    return base.map { $0.time + $0.at.duration(to: now) / .seconds(1) }
  }

  /// - Returns: by how much the clock jumped; nil: it did not.
  mutating func note(_ time: Date, callTook duration: Duration, at now: Instant, lease: Duration) -> Duration? {
    guard let expected = estimate(at: now) else {
      base = (time, now)
      heldUntil = nil
      return nil
    }
    // Held on to.
    guard heldUntil == nil else { return nil }
    let difference = Duration.seconds(max(-1e9, min(1e9, time.timeIntervalSince(expected))))
    let tolerance = max(.milliseconds(500), lease / 4)
    if difference > tolerance + duration {
      heldUntil = now.advanced(by: lease)
      return difference
    }
    base = (time, now)
    return difference < .zero - tolerance - duration ? difference : nil
  }
}

extension WorkerStateMachine {
  mutating func noteStoreTime(_ exchange: Exchange, startedAt: Instant, at now: Instant) {
    guard let time = exchange.storeTime ?? exchange.claimed.first?.claimedAt else { return }
    let took = startedAt.duration(to: now)
    guard let jump = storeClock.note(time, callTook: took, at: now, lease: configuration.lease) else { return }
    leases.renewSoon(at: now)
    events.append(.clockJumped(by: jump))
  }
}
