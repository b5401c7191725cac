/// Runs the tasks of one type.
///
/// The same task may be handed over more than once (at least once), never to two holders of a valid lease at a time. A
/// handler is told by task cancellation that it has to stop: its lease was lost, its time is up, somebody cancelled the
/// task, or the worker shuts down.
public protocol TaskHandler: Sendable {
  associatedtype Payload: TaskPayload

  /// - Throws: any error: it is recorded, and the task retried by its policy until `maxAttempts`.
  func handle(_ payload: Payload, context: TaskContext) async throws -> TaskOutcome
}

/// How the tasks of one type are retried and bounded.
public struct TaskHandlerOptions: Sendable {
  /// The wait between attempts, unless the task itself says otherwise. ``RetryPolicy/standard``.
  public var retry: RetryPolicy = .standard
  /// Failures (thrown errors) after which the task is a dead letter, unless the task says otherwise; 25. At least 1.
  public var maxAttempts: Int = 25
  /// How long one attempt may run before its handler is cancelled; if it then throws, that is a failure. nil: no limit
  /// (the lease is renewed all the while). Checked about four times per timeout.
  public var timeout: Duration?

  public init() {}

  public init(retry: RetryPolicy = .standard, maxAttempts: Int = 25, timeout: Duration? = nil) {
    self.retry = retry
    self.maxAttempts = maxAttempts
    self.timeout = timeout
  }

  func validate(for type: TaskType) throws(TaskQueueError) {
    guard 1...Limits.maxAttempts ~= maxAttempts else {
      throw .invalidOption("maxAttempts of \(type) must be in 1 … \(Limits.maxAttempts); got \(maxAttempts).")
    }
    if let timeout, timeout <= .zero {
      throw .invalidOption("The timeout of \(type) must be above zero; use nil for none.")
    }
    try retry.stored?.validate()
  }
}
