/// The handler was cancelled because it ran longer than its timeout. Counts as a failure of the attempt.
///
/// ``TaskHandlerOptions/onFailure`` sees it, and ``TaskHandlerOptions/neverRetry`` may name it.
public struct TaskTimedOut: Error, Hashable, CustomStringConvertible {
  /// ``TaskHandlerOptions/timeout``.
  public let limit: Duration

  init(limit: Duration) { self.limit = limit }

  public var description: String { "The handler ran longer than its timeout of \(limit)." }
}
