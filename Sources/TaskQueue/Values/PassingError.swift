/// An error that passes by itself and says nothing about the task: a lost connection, a serialization failure.
///
/// A handler that throws one is run again soon, and that counts as no failure, up to 20 times. `TaskQueueError` is one if its call may be
/// repeated, `EffectError` if its outcome could not be recorded for such a reason; with `TaskQueuePostgres` so is `LibpqError`.
public protocol PassingError: Error {
  /// Whether it may be gone at the next attempt.
  var isPassing: Bool { get }
  /// Whether the work may be done anew at once, because a transaction was rolled back for the sake of others (serialization failure,
  /// deadlock). The worker then calls the handler again, a few times, in the same attempt.
  var isRolledBack: Bool { get }
  /// For how long the work cannot succeed yet, such as until an earlier call has certainly ended. The failure that would end the task then waits
  /// for that instead and counts as none. Default: nil.
  var passesIn: Duration? { get }
}

extension PassingError {
  public var passesIn: Duration? { nil }
}

extension TaskQueueError: PassingError {
  public var isPassing: Bool { isRetrySafe || (underlying as? any PassingError)?.isPassing ?? false }
  public var isRolledBack: Bool { (underlying as? any PassingError)?.isRolledBack ?? false }
}
