public import TaskQueue

/// How events are delivered.
public struct OutboxPublisherConfiguration: Sendable {
  /// The wait after an event was not taken, doubling up to ``maxRetry``; 1 s. An event is never given up by itself.
  public var firstRetry: Duration
  /// The longest wait between two deliveries of one event; 5 minutes. Also how late a receiver's recovery may be noticed.
  public var maxRetry: Duration
  /// For one delivery; 30 s. More holds a slot of the worker longer while a receiver hangs; less repeats slow deliveries.
  public var deliveryTimeout: Duration
  /// Events of one aggregate that one attempt reads, at most; 100. Their payloads are in memory: at most 256 KiB each.
  public var batch: Int
  /// Failed deliveries of one event from which on each is logged as a warning; 5.
  public var warnsAfter: Int

  public init(
    firstRetry: Duration = .seconds(1),
    maxRetry: Duration = .seconds(300),
    deliveryTimeout: Duration = .seconds(30),
    batch: Int = 100,
    warnsAfter: Int = 5
  ) {
    self.firstRetry = firstRetry
    self.maxRetry = maxRetry
    self.deliveryTimeout = deliveryTimeout
    self.batch = batch
    self.warnsAfter = warnsAfter
  }

  /// An attempt begins no delivery after this time: the rest is for the next one.
  static let batchTime = Duration.seconds(30)
  /// Deliveries are marked this often, so that a crash repeats no more than these.
  static let markInterval = Duration.seconds(1)

  /// - Throws: `invalidOption`.
  public func validate() throws(TaskQueueError) {
    guard firstRetry > .zero, maxRetry > .zero, deliveryTimeout > .zero else {
      throw TaskQueueError(.invalidOption, "An outbox's firstRetry, maxRetry and deliveryTimeout must be above zero.")
    }
    guard 1...1_000 ~= batch else {
      throw TaskQueueError(.invalidOption, "An outbox's batch must be in 1 … 1000; got \(batch).")
    }
  }

  var handling: TaskHandlerOptions {
    TaskHandlerOptions(
      retry: .exponential(base: firstRetry, cap: max(firstRetry, maxRetry)),
      // An event is never given up because its receiver is down for long.
      maxAttempts: Limits.maxAttempts,
      // Only bounds a transport that does not end when it is cancelled.
      timeout: Self.batchTime + deliveryTimeout + .seconds(30)
    )
  }
}
