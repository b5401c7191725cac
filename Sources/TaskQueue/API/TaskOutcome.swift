/// How an attempt ended. Throwing an error is the other way to end one.
public enum TaskOutcome: Sendable {
  /// Done: the task is removed.
  case completed
  /// Done already: the handler completed the task in its own transaction.
  case completedInTransaction
  /// Not final yet: look again on the retry policy's schedule. Not a failure. machamp's `false`.
  case again
  /// Not final yet: look again after this time. Not a failure.
  case retry(after: Duration)
  /// Not now: come back after this time. Costs no attempt.
  case snooze(Duration)
  /// Never: becomes a dead letter with this reason.
  case discard(reason: String)
}

/// Why a task was put aside.
public struct DeadLetterReason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// Its failures reached `maxAttempts`.
  public static let failed = DeadLetterReason(rawValue: "failed")
  /// The handler returned ``TaskOutcome/discard(reason:)``.
  public static let discarded = DeadLetterReason(rawValue: "discarded")
  /// It kept killing its workers, or outlived their leases.
  public static let crashed = DeadLetterReason(rawValue: "crashed")
  /// Its payload could not be decoded.
  public static let undecodable = DeadLetterReason(rawValue: "undecodable")
  /// Its deadline passed.
  public static let expired = DeadLetterReason(rawValue: "expired")
  /// Somebody cancelled it.
  public static let cancelled = DeadLetterReason(rawValue: "cancelled")
}
