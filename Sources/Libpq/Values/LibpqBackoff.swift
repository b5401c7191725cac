/// How long to wait between attempts to reach the server: exponential with full jitter, so that many clients that lost one server don't come
/// back at once (the "full jitter" of Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
public struct LibpqBackoff: Sendable {
  /// The upper bound of the first delay.
  public var initial: Duration
  /// The upper bound of every delay.
  public var maximum: Duration
  /// The number of delays given since the last reset.
  public private(set) var attempt = 0

  /// Creates a backoff; defaults 50 ms to 10 s.
  public init(initial: Duration = .milliseconds(50), maximum: Duration = .seconds(10)) {
    self.initial = initial
    self.maximum = maximum
  }

  /// The next delay: uniform between 0 and `initial` doubled per attempt, `maximum` at most.
  public mutating func next(using generator: inout some RandomNumberGenerator) -> Duration {
    var bound = min(initial, maximum)
    for _ in 0..<min(attempt, 62) where bound < maximum { bound = min(bound * 2, maximum) }
    attempt += 1
    return bound * Double.random(in: 0...1, using: &generator)
  }

  /// As ``next(using:)`` with the system's generator.
  public mutating func next() -> Duration {
    var generator = SystemRandomNumberGenerator()
    return next(using: &generator)
  }

  /// Starts again from `initial`, after a success.
  public mutating func reset() { attempt = 0 }
}
