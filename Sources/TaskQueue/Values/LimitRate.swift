/// How fast tasks of one key are admitted, or calls of handlers are let through (``TaskContext/limit(_:key:weight:upTo:)``).
///
/// By GCRA, the generic cell rate algorithm of ITU-T I.371, in whole microseconds rounded up: never faster, and at most 1 % slower.
public struct LimitRate: Hashable, Sendable {
  static let maxCount = 1_000_000
  static let maxBurst = 10_000
  static let maxPerSecond = 10_000
  static let periods: ClosedRange<Duration> = .milliseconds(1) ... .seconds(8_640_000)

  /// So many per period: 1 to 1,000,000, and at most 10,000 per second.
  public var count: Int
  /// 1 ms to 100 days.
  public var period: Duration
  /// How many may come at once after a pause of as many: 1 to 10,000. 1: evenly, one after the other.
  public var burst: Int

  public init(_ count: Int, per period: Duration = .seconds(1), burst: Int = 1) {
    self.count = count
    self.period = period
    self.burst = burst
  }

  /// The time between two of them.
  package var gap: Duration {
    let (seconds, attoseconds) = period.components
    let microseconds = Int64(seconds) * 1_000_000 + attoseconds / 1_000_000_000_000
    return .microseconds((microseconds + Int64(count) - 1) / Int64(count))
  }

  /// - Throws: ``TaskQueueError`` with `invalidOption`.
  public func validate() throws(TaskQueueError) {
    guard 1...Self.maxCount ~= count, Self.periods.contains(period),
      Double(count) <= Double(Self.maxPerSecond) * (period / .seconds(1))
    else {
      throw .invalidOption(
        """
        A rate is 1 … \(Self.maxCount) in 1 ms … 100 days, and at most \(Self.maxPerSecond) per second; got \(count) per \(period).
        """
      )
    }
    guard 1...Self.maxBurst ~= burst else {
      throw .invalidOption("A rate's burst must be in 1 … \(Self.maxBurst); got \(burst).")
    }
  }
}

/// A limit let no call through within the time that a handler would wait. Nothing was charged. Let through by the handler, it sends the task
/// back until then, which costs neither an attempt nor a failure.
public struct LimitReached: TaskOutcomeError, CustomStringConvertible {
  public let limit: TaskLimit
  /// After which asking again makes sense.
  public let retryAfter: Duration

  public init(_ limit: TaskLimit, retryAfter: Duration) {
    self.limit = limit
    self.retryAfter = retryAfter
  }

  public var taskOutcome: TaskOutcome? { .snooze(retryAfter) }
  public var description: String { "The limit \(limit.name) lets no call through for \(retryAfter)." }
}
