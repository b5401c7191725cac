/// How long a task waits between attempts.
public struct RetryPolicy: Sendable {
  enum Rule: Sendable {
    case stored(StoredRetryPolicy)
    case custom(@Sendable (_ attempt: Int) -> Duration)
  }

  let rule: Rule

  /// 1 minute after the first attempt, doubling, capped at 2^14 minutes (11.4 days); no jitter. So a task that asks to be
  /// looked at again runs at 0, 1, 3, 7, 15 … minutes.
  public static let standard = exponential(base: .seconds(60), cap: .seconds(60 * 16_384))

  /// `min(cap, base · factor^(attempt − 1))`, then multiplied by a random factor in `1 − jitter … 1`.
  ///
  /// - Parameters:
  ///   - base: wait after the first attempt; above zero.
  ///   - factor: growth per attempt, 1 to 10.
  ///   - cap: the longest wait before jitter.
  ///   - jitter: 0 (none) to 1 ("full jitter"; see Brooker, "Exponential Backoff And Jitter").
  public static func exponential(
    base: Duration,
    factor: Double = 2,
    cap: Duration = .seconds(60 * 16_384),
    jitter: Double = 0
  ) -> RetryPolicy {
    .init(rule: .stored(.init(base: base, factor: factor, cap: cap, jitter: jitter)))
  }

  /// The same wait after every attempt.
  public static func fixed(_ delay: Duration) -> RetryPolicy {
    .init(rule: .stored(.init(base: delay, factor: 1, cap: delay, jitter: 0)))
  }

  /// A wait computed by the app from the attempt's number (from 1). Only for handlers: it cannot be stored with a task.
  public static func custom(_ delay: @escaping @Sendable (_ attempt: Int) -> Duration) -> RetryPolicy {
    .init(rule: .custom(delay))
  }

  /// The wait after the given attempt (counted from 1), never negative.
  public func delay(afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
    switch rule {
    case .stored(let policy): policy.delay(afterAttempt: attempt, using: &generator)
    case .custom(let delay): max(.zero, delay(max(1, attempt)))
    }
  }

  /// The same without what jitter takes off.
  func longestDelay(afterAttempt attempt: Int) -> Duration {
    switch rule {
    case .stored(let policy): .seconds(policy.longestSeconds(afterAttempt: attempt))
    case .custom(let delay): max(.zero, delay(max(1, attempt)))
    }
  }

  /// The form that is stored with a task; nil for a custom policy.
  public var stored: StoredRetryPolicy? {
    if case .stored(let policy) = rule { policy } else { nil }
  }

  public init(_ stored: StoredRetryPolicy) { rule = .stored(stored) }
  init(rule: Rule) { self.rule = rule }
}

/// A retry policy as a store keeps it in a task's row.
public struct StoredRetryPolicy: Hashable, Sendable, Codable {
  /// Seconds after the first attempt.
  public var baseSeconds: Double
  public var factor: Double
  /// The longest wait in seconds, before jitter.
  public var capSeconds: Double
  /// 0 to 1.
  public var jitter: Double

  init(base: Duration, factor: Double, cap: Duration, jitter: Double) {
    self.baseSeconds = base / .seconds(1)
    self.factor = factor
    self.capSeconds = cap / .seconds(1)
    self.jitter = jitter
  }

  /// - Throws: ``TaskQueueError/Code/invalidOption``.
  public func validate() throws(TaskQueueError) {
    guard baseSeconds > 0, capSeconds >= baseSeconds, capSeconds <= Limits.delay / .seconds(1)
    else {
      throw .invalidOption(
        "A retry policy's base must be above zero, its cap not below the base and at most 100 years."
      )
    }
    guard (1...10).contains(factor) else {
      throw .invalidOption("A retry policy's factor must be in 1 … 10; got \(factor).")
    }
    guard (0...1).contains(jitter) else {
      throw .invalidOption("A retry policy's jitter must be in 0 … 1; got \(jitter).")
    }
  }

  func delay(afterAttempt attempt: Int, using generator: inout some RandomNumberGenerator) -> Duration {
    let seconds = longestSeconds(afterAttempt: attempt)
    return .seconds(jitter > 0 ? seconds * (1 - jitter * Double.random(in: 0...1, using: &generator)) : seconds)
  }

  func longestSeconds(afterAttempt attempt: Int) -> Double {
    var seconds = baseSeconds
    var remaining = max(1, attempt) - 1
    while remaining > 0, seconds < capSeconds, factor > 1 {
      seconds *= factor
      remaining -= 1
    }
    // A row written by hand may hold anything.
    return min(max(0, seconds), capSeconds, Limits.delay / .seconds(1))
  }
}
