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
///
/// ``clock`` is the same time for a worker, and for code that sleeps.
public final class ManualTime: Sendable {
  private struct Sleeper {
    let end: Duration
    let continuation: CheckedContinuation<Void, any Error>
  }

  private struct State {
    var elapsed = Duration.zero
    var sleepers: [Int: Sleeper] = [:]
    var lastSleeper = 0
  }

  private let start: Date
  private let state = Mutex(State())

  /// - Parameter start: an arbitrary instant, the same in every run.
  public init(startingAt start: Date = Date(timeIntervalSince1970: 1_800_000_000)) { self.start = start }

  public var now: Date { start.addingTimeInterval(elapsed / .seconds(1)) }

  /// A clock that goes with this time. A worker with it renews, times out and polls only when the time is moved.
  public var clock: ManualClock { ManualClock(time: self) }

  /// How many tasks sleep on ``clock`` now. Wait until they do before moving the time past their end.
  public var sleeperCount: Int { state.withLock { $0.sleepers.count } }

  var elapsed: Duration { state.withLock { $0.elapsed } }

  /// Moves the time forward, or stands still for a negative duration. Who sleeps until then on ``clock`` wakes up.
  public func advance(by duration: Duration) {
    let woken = state.withLock { state in
      state.elapsed += max(.zero, duration)
      let woken = state.sleepers.filter { $0.value.end <= state.elapsed }
      for number in woken.keys { state.sleepers[number] = nil }
      return woken.values.sorted { $0.end < $1.end }
    }
    for sleeper in woken { sleeper.continuation.resume() }
  }

  func sleep(until end: Duration) async throws {
    let number = state.withLock { state in
      state.lastSleeper += 1
      return state.lastSleeper
    }
    try await withTaskCancellationHandler {
      try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<Void, any Error>) in
        let result = state.withLock { state -> Result<Void, any Error>? in
          if Task.isCancelled { return .failure(CancellationError()) }
          if end <= state.elapsed { return .success(()) }
          state.sleepers[number] = Sleeper(end: end, continuation: continuation)
          return nil
        }
        if let result { continuation.resume(with: result) }
      }
    } onCancel: {
      let sleeper = state.withLock { $0.sleepers.removeValue(forKey: number) }
      sleeper?.continuation.resume(throwing: CancellationError())
    }
  }
}

/// The clock of a ``ManualTime``.
///
/// ```swift
/// let worker = try TaskWorker(store: store, handlers: handlers, clock: time.clock)
/// ```
public struct ManualClock: Clock {
  public struct Instant: InstantProtocol {
    let elapsed: Duration

    public func advanced(by duration: Duration) -> Instant { Instant(elapsed: elapsed + duration) }
    public func duration(to other: Instant) -> Duration { other.elapsed - elapsed }
    public static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.elapsed < rhs.elapsed }
  }

  let time: ManualTime

  public var now: Instant { Instant(elapsed: time.elapsed) }
  public var minimumResolution: Duration { .nanoseconds(1) }

  /// Returns when the time has been moved so far.
  ///
  /// - Throws: `CancellationError`.
  public func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    try await time.sleep(until: deadline.elapsed)
  }
}
