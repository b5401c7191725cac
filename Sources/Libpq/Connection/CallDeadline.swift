/// The two instants of a call that must end in time, whatever hangs.
struct CallDeadline: Sendable {
  /// When the server is asked to stop, and when waiting for a connection ends: three quarters of the limit.
  let cancelAt: ContinuousClock.Instant
  /// When the connection is given up.
  let end: ContinuousClock.Instant

  init(within limit: Duration) {
    let now = ContinuousClock.now
    cancelAt = .after(limit / 4 * 3, now)
    end = .after(limit, now)
  }
}

extension ContinuousClock.Instant {
  /// That long from now. A wait of centuries is cut to one, so that no sum overflows.
  static func after(_ duration: Duration, _ now: Self = .now) -> Self {
    now + min(duration, .seconds(3_155_760_000))
  }
}

extension Duration {
  /// For messages: to a tenth of a second, or a millisecond where it is shorter, so that what repeats itself reads the same each time.
  var rounded: Duration {
    let step: Duration = self < .milliseconds(100) ? .milliseconds(1) : .milliseconds(100)
    return step * Int((self / step).rounded())
  }
}
