/// Whether the store fails, and since when.
struct StoreOutage: Sendable {
  typealias Instant = WorkerClock.Instant

  /// Its end bounds how late a worker comes back after an outage.
  private var failures = BackoffInterval(minimum: .milliseconds(50), maximum: .seconds(1))
  private var failingSince: Instant?
  /// Nothing is asked of the store before.
  private(set) var pausedUntil: Instant

  init(at now: Instant) { pausedUntil = now }

  var isFailing: Bool { failingSince != nil }

  mutating func fail(at now: Instant, using generator: inout some RandomNumberGenerator) -> Duration {
    failingSince = failingSince ?? now
    let wait = failures.next(using: &generator)
    pausedUntil = max(pausedUntil, now.advanced(by: wait))
    return wait
  }

  /// - Returns: how long the store had failed; nil: it had not.
  mutating func pass(at now: Instant) -> Duration? {
    failures.reset()
    pausedUntil = min(pausedUntil, now)
    defer { failingSince = nil }
    return failingSince.map { $0.duration(to: now) }
  }
}
