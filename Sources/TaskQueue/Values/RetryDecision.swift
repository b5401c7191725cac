/// An attempt that threw, as ``TaskHandlerOptions/onFailure`` sees it.
public struct FailedAttempt: Sendable {
  public let error: any Error
  public let type: TaskType
  /// The attempt's number, from 1.
  public let attempt: Int
  /// Failures of the task, with this one.
  public let failures: Int
  /// The wait that the retry policy, or the error's own ``RetryAfterError/retryAfter``, gives.
  public let delay: Duration
}

/// What becomes of a task after a failure.
public struct RetryDecision: Hashable, Sendable {
  enum Rule: Hashable, Sendable {
    case byPolicy
    case after(Duration)
    case never
  }

  let rule: Rule

  /// As without a decision: after ``FailedAttempt/delay``, or never again once `maxAttempts` is reached.
  public static let byPolicy = RetryDecision(rule: .byPolicy)
  /// A dead letter at once.
  public static let never = RetryDecision(rule: .never)

  /// After this time instead, unless `maxAttempts` is reached. Negative means at once; at most 100 years.
  public static func after(_ delay: Duration) -> RetryDecision { RetryDecision(rule: .after(delay)) }
}

/// An error that knows when trying again makes sense: a provider's "429, again in 30 seconds".
///
/// It is a failure as any other and counts against `maxAttempts`; only the wait is its own.
public protocol RetryAfterError: Error {
  /// nil: as the retry policy says.
  var retryAfter: Duration? { get }
}

/// Wraps an error in the wait that the other side asked for. Recorded as the wrapped error.
///
/// ```swift
/// guard response.status != .tooManyRequests else { throw RetryAfter(.seconds(30), because: TooManyRequests()) }
/// ```
public struct RetryAfter: RetryAfterError, CustomStringConvertible {
  public let retryAfter: Duration?
  public let underlying: any Error

  public init(_ delay: Duration, because error: any Error) {
    retryAfter = delay
    underlying = error
  }

  public var description: String { String(describing: underlying) }
}
