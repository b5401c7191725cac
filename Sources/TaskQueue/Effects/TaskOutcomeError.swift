/// An error that says how the attempt it ends is to be settled.
public protocol TaskOutcomeError: Error {
  /// nil: as any other error, it is a failure and the task is retried by its policy.
  var taskOutcome: TaskOutcome? { get }
}
