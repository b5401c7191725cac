/// What became of a retry.
public struct RetryResult: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// It waited, and is due now; or it was due already.
  public static let due = RetryResult(rawValue: "due")
  /// It was a dead letter, and is due now under its id, with fresh counters and without its deadline.
  public static let redriven = RetryResult(rawValue: "redriven")
  /// A worker holds it. Left alone.
  public static let running = RetryResult(rawValue: "running")
  /// A dead letter whose unique key a live task has. Left alone.
  public static let keyTaken = RetryResult(rawValue: "key_taken")
  /// It completed, or nothing is left of it. Nothing was changed.
  public static let finished = RetryResult(rawValue: "finished")
}
