#if canImport(Darwin)
  import Darwin
#elseif canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#endif

/// How a worker behaves. The defaults are meant for production.
public struct TaskWorkerConfiguration: Sendable {
  /// What people know it by, in ``TaskClient/workers()`` and ``TaskClient/explain(_:)``: 1 to 128 UTF-8 bytes without control characters. The
  /// host's name and the process's number, as `web-1:4711`; need not be unique.
  public var name = TaskWorkerConfiguration.processName
  /// Of the app, such as its release or the hash of its commit: 1 to 128 UTF-8 bytes without control characters. People see it in
  /// ``TaskClient/workers()``, and are told of a queue that programs of several versions have served for longer than a deploy takes. None.
  public var version: String?
  /// Queues to serve, each once; at least one, at most 1,000.
  public var queues: [QueueName] = [.default]
  /// Handlers that run at the same time, 1 to 10,000.
  public var concurrency = 100
  /// Of those, how many may be of one queue; a queue that is not named may use all of them. So a flood of slow tasks leaves slots for other
  /// queues. The tasks over it stay where they are, for other workers or later. Each maximum, of a queue or a type
  /// (``TaskHandlerOptions/maxConcurrent``), is claimed for by itself: an urgent task is not kept waiting by another group, and an idle worker
  /// polls once for each. (1 + queues with one) × (1 + types with one) is at most 64. None.
  public var maxConcurrent: [QueueName: Int] = [:]
  /// Tasks claimed ahead of free handlers, at most; 0 to 10,000. How many really are follows the speed of the handlers: slow
  /// ones get none, so that other workers can have them. Their payloads take at most about 2 × ``Limits/claimBytes``.
  public var maxPrefetch = 2_000
  /// How long a claim holds a task without being renewed; 1 minute, at least 100 ms. It is renewed three times per lease.
  /// Shorter: a dead worker's tasks come back sooner. Longer: outlives longer database outages.
  public var lease: Duration = .seconds(60)
  /// A task that took down its worker more often than this becomes a dead letter (``DeadLetterReason/crashed``); 5.
  public var maxCrashes = 5
  /// Wait between looks at an empty queue: starts at the minimum, doubles to the maximum, with jitter.
  public var minPollInterval: Duration = .milliseconds(1)
  public var maxPollInterval: Duration = .seconds(1)
  /// How often waiting tasks that became due are looked for while the worker is busy.
  public var promotionInterval: Duration = .milliseconds(200)
  /// Whether to listen for wake-ups. Off: polling alone.
  public var listensForWakeUps = true
  /// How long running handlers may go on after shutdown was asked for.
  public var shutdownGrace: Duration = .seconds(30)
  /// How long a cancelled handler (shutdown, timeout, lost lease, cancelled task) may take to stop. Then it is given up: its slot is free,
  /// and its attempt is settled without it. 5 s.
  public var cancellationGrace: Duration = .seconds(5)
  /// How often to look for tasks that nobody here can run, and for what is kept no longer.
  public var maintenanceInterval: Duration = .seconds(60)
  /// How often to measure how long the queues are (`taskqueue_depth`, `taskqueue_oldest_due_seconds`), at least 1 second; nil, the default: not at
  /// all. Of all workers of the schema the one that has run longest does it, so give it to all of them or none. One statement with counts
  /// that are bounded: it costs the same whatever the tables hold. 15 seconds suit most.
  public var depthInterval: Duration?
  /// For how long dead letters, settled effects and the journal of people's actions are kept. Of workers that say something else the
  /// shortest time wins.
  public var retention = RetentionConfiguration()

  /// Declared when the worker starts, as by ``LimitControl/declare(_:)``. None: as they are.
  public var limits: [LimitRule] = []

  public init() {}

  /// - Throws: ``TaskQueueError`` with `invalidName`, `invalidOption` or `invalidConfiguration`.
  public func validate() throws(TaskQueueError) {
    guard 1...1_000 ~= queues.count, Set(queues).count == queues.count else {
      throw .init(.invalidConfiguration, "A worker serves 1 to 1,000 queues, each named once.")
    }
    for queue in queues { try queue.validate() }
    try NameRule.validate(name, kind: "worker's name")
    if let version { try NameRule.validate(version, kind: "worker's version") }
    for rule in limits { try rule.validate() }
    try retention.validate()
    guard 1...10_000 ~= concurrency else { throw .invalidOption("concurrency must be in 1 … 10,000.") }
    for (queue, maximum) in maxConcurrent.sorted(by: { $0.key.rawValue < $1.key.rawValue }) {
      guard queues.contains(queue) else {
        throw .init(
          .invalidConfiguration,
          "maxConcurrent names the queue \(queue), which is not among the worker's queues."
        )
      }
      guard 1...10_000 ~= maximum else {
        throw .invalidOption(
          "maxConcurrent of the queue \(queue) must be in 1 … 10,000; got \(maximum). Leave the queue out of `queues` to run none of it."
        )
      }
    }
    guard 0...10_000 ~= maxPrefetch else { throw .invalidOption("maxPrefetch must be in 0 … 10,000.") }
    guard lease >= .milliseconds(100), lease <= Limits.delay else {
      throw .invalidOption("lease must be at least 100 ms, and at most 100 years.")
    }
    guard maxCrashes >= 0 else { throw .invalidOption("maxCrashes must not be negative.") }
    guard minPollInterval > .zero, maxPollInterval >= minPollInterval else {
      throw .invalidOption("Poll intervals must be above zero, and the maximum not below the minimum.")
    }
    guard promotionInterval > .zero, maintenanceInterval > .zero else {
      throw .invalidOption("promotionInterval and maintenanceInterval must be above zero.")
    }
    if let depthInterval, depthInterval < .seconds(1) {
      throw .invalidOption("depthInterval must be at least 1 s, or none.")
    }
    guard shutdownGrace >= .zero, cancellationGrace >= .zero else {
      throw .invalidOption("Grace times must not be negative.")
    }
  }
}

extension TaskWorkerConfiguration {
  /// Without a name service, which may hang.
  private static let processName: String = {
    var bytes = [CChar](repeating: 0, count: 65)
    guard gethostname(&bytes, bytes.count - 1) == 0 else { return "worker:\(getpid())" }
    let host = String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    return "\(host):\(getpid())"
  }()
}
