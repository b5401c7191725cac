/// What holds for every task of a type unless one enqueue says otherwise: declared once, with the payload.
///
/// ```swift
/// struct SendReceipt: TaskPayload {
///   static let taskType: TaskType = "receipt.send"
///   static let taskDefaults = TaskDefaults<Self>(queue: "mail", maxAttempts: 5, timeout: .seconds(30)) { receipt in
///     UniqueKey("receipt:\(receipt.orderID)")
///   }
///   var orderID: Int64
/// }
/// ```
///
/// Queue, priority, unique key and limit are used by whoever enqueues; retry, attempts and timeout by the worker that has the handler. None
/// of the latter costs a column or a byte of the stored task.
public struct TaskDefaults<Payload>: Sendable {
  /// Where its tasks wait, ``QueueName/default``; workers have to serve it.
  public var queue: QueueName
  /// Lower runs first; 100. Any 16-bit value.
  public var priority: Int
  /// How the type's tasks are retried and bounded, unless the handler's registration says otherwise.
  public var handling: TaskHandlerOptions
  /// The unique key of a task with this payload; nil: none.
  public var unique: (@Sendable (Payload) -> UniqueKey?)?
  /// The limit of a task with this payload; nil: none.
  public var limit: (@Sendable (Payload) -> TaskLimit?)?

  /// Parameters are explained at ``TaskHandlerOptions``.
  public init(
    queue: QueueName = .default,
    priority: Int = 100,
    retry: RetryPolicy = .standard,
    maxAttempts: Int = 25,
    timeout: Duration? = nil,
    maxConcurrent: Int? = nil,
    retain: Duration? = nil,
    neverRetry: [any Error.Type] = [],
    unique: (@Sendable (Payload) -> UniqueKey?)? = nil,
    limit: (@Sendable (Payload) -> TaskLimit?)? = nil,
    onFailure: (@Sendable (FailedAttempt) -> RetryDecision)? = nil
  ) {
    self.queue = queue
    self.priority = priority
    handling = TaskHandlerOptions(
      retry: retry,
      maxAttempts: maxAttempts,
      timeout: timeout,
      maxConcurrent: maxConcurrent,
      retain: retain,
      neverRetry: neverRetry,
      onFailure: onFailure
    )
    self.unique = unique
    self.limit = limit
  }

  func validate() throws(TaskQueueError) {
    try queue.validate()
    try TaskPriority.validate(priority)
  }
}
