/// The worker's own monotonic clock, for leases, timeouts and pauses. Never compared with the store's.
///
/// One concrete type around any clock: the engine is not generic over it, and an instant is 8 bytes.
package struct WorkerClock: Clock {
  /// Nanoseconds since the worker was made.
  package struct Instant: InstantProtocol {
    fileprivate(set) var nanoseconds: Int64

    /// When the worker was made.
    package static var zero: Instant { Instant(nanoseconds: 0) }

    package func advanced(by duration: Duration) -> Instant {
      let (sum, overflows) = nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
      return Instant(nanoseconds: overflows ? .max : sum)
    }

    package func duration(to other: Instant) -> Duration { .nanoseconds(other.nanoseconds - nanoseconds) }

    package static func < (lhs: Instant, rhs: Instant) -> Bool { lhs.nanoseconds < rhs.nanoseconds }
  }

  private enum Source: Sendable {
    case continuous(origin: ContinuousClock.Instant)
    case other(elapsed: @Sendable () -> Duration, sleep: @Sendable (Duration) async throws -> Void)
  }

  private let source: Source

  init(_ clock: any Clock<Duration>) {
    source = clock is ContinuousClock ? .continuous(origin: .now) : Self.source(clock)
  }

  private static func source(_ clock: some Clock<Duration>) -> Source {
    let origin = clock.now
    return .other(
      elapsed: { origin.duration(to: clock.now) },
      sleep: { try await clock.sleep(for: $0) }
    )
  }

  package var now: Instant {
    switch source {
    case .continuous(let origin): Instant(nanoseconds: origin.duration(to: .now).wholeNanoseconds)
    case .other(let elapsed, _): Instant(nanoseconds: elapsed().wholeNanoseconds)
    }
  }

  /// The same instant by the system's clock; nil: this is another clock.
  func continuousInstant(of instant: Instant) -> ContinuousClock.Instant? {
    guard case .continuous(let origin) = source else { return nil }
    return origin.advanced(by: .nanoseconds(instant.nanoseconds))
  }

  package var minimumResolution: Duration { .nanoseconds(1) }

  package func sleep(until deadline: Instant, tolerance: Duration?) async throws {
    let duration = now.duration(to: deadline)
    switch source {
    case .continuous: try await ContinuousClock().sleep(for: duration, tolerance: tolerance)
    case .other(_, let sleep): try await sleep(duration)
    }
  }
}

extension Duration {
  /// Rounded toward zero, clamped to 292 years.
  var wholeNanoseconds: Int64 {
    let (seconds, attoseconds) = components
    let (product, overflows) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
    let (sum, sumOverflows) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
    return overflows || sumOverflows ? (seconds < 0 ? .min : .max) : sum
  }
}
