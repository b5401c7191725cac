import Synchronization

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A time that stands still until it is moved by hand.
///
/// ```swift
/// let time = ManualTime()
/// let store = InMemoryTaskStore(now: { time.now })
/// time.advance(by: .seconds(60))  // leases end, delayed tasks become due
/// ```
public final class ManualTime: Sendable {
  private let instant: Mutex<Date>

  /// - Parameter start: an arbitrary instant, the same in every run.
  public init(startingAt start: Date = Date(timeIntervalSince1970: 1_800_000_000)) { instant = Mutex(start) }

  public var now: Date { instant.withLock { $0 } }

  /// Moves the time forward, or stands still for a negative duration.
  public func advance(by duration: Duration) {
    instant.withLock { $0.addTimeInterval(max(.zero, duration) / .seconds(1)) }
  }
}
