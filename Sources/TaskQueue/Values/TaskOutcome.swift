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

/// An error that says how the attempt it ends is to be settled.
public protocol TaskOutcomeError: Error {
  /// nil: as any other error, it is a failure and the task is retried by its policy.
  var taskOutcome: TaskOutcome? { get }
}
