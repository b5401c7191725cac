/// How the tasks of one type are retried and bounded.
public struct TaskHandlerOptions: Sendable {
  /// The wait between attempts, unless the task itself says otherwise. ``RetryPolicy/standard``.
  public var retry: RetryPolicy = .standard
  /// Failures (thrown errors) after which the task is a dead letter, unless the task says otherwise; 25. At least 1.
  public var maxAttempts: Int = 25
  /// How long one attempt may run before its handler is cancelled. If it then throws, or does not end within
  /// ``TaskWorkerConfiguration/cancellationGrace``, that is a failure (``TaskTimedOut``); an outcome that it returns in that time counts.
  /// nil: no limit (the lease is renewed all the while).
  public var timeout: Duration?
  /// How many tasks of the type one worker runs at the same time; 1 to 10,000. The others stay in the store and keep no slot from other
  /// types. A handler that was given up does not count any more. nil: as many as the worker has slots. Over all workers: a ``TaskLimit``.
  public var maxConcurrent: Int?
  /// For how long completed tasks of the type are kept, with their results, unless an enqueue says otherwise; at most 366 days. nil: not at all, but
  /// a result (``TaskOutcome/completed(result:)``) for a day. Another row per task; see ``TaskClient/result(of:as:timeout:)``.
  public var retain: Duration?
  /// Errors of exactly these types make the task a dead letter at once: what no retry can mend.
  public var neverRetry: [any Error.Type] = []
  /// Decides after each failure that leaves attempts, unless ``neverRetry`` has the error; nil: by policy. Must be short.
  public var onFailure: (@Sendable (FailedAttempt) -> RetryDecision)?

  public init(
    retry: RetryPolicy = .standard,
    maxAttempts: Int = 25,
    timeout: Duration? = nil,
    maxConcurrent: Int? = nil,
    retain: Duration? = nil,
    neverRetry: [any Error.Type] = [],
    onFailure: (@Sendable (FailedAttempt) -> RetryDecision)? = nil
  ) {
    self.retry = retry
    self.maxAttempts = maxAttempts
    self.timeout = timeout
    self.maxConcurrent = maxConcurrent
    self.retain = retain
    self.neverRetry = neverRetry
    self.onFailure = onFailure
  }

  func validate(for type: TaskType) throws(TaskQueueError) {
    guard 1...Limits.maxAttempts ~= maxAttempts else {
      throw .invalidOption("maxAttempts of \(type) must be in 1 … \(Limits.maxAttempts); got \(maxAttempts).")
    }
    if let timeout, timeout <= .zero {
      throw .invalidOption("The timeout of \(type) must be above zero, or none.")
    }
    if let maxConcurrent, !(1...10_000 ~= maxConcurrent) {
      throw .invalidOption(
        "maxConcurrent of \(type) must be in 1 … 10,000; got \(maxConcurrent). Use nil for none, and leave the handler out to run none."
      )
    }
    try RetainHeader.validate(retain, of: "\(type)")
    try retry.stored?.validate()
  }
}
