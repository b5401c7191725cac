public import Configuration
public import TaskQueue

extension TaskWorkerConfiguration {
  /// The defaults, with what the keys `worker.…` and `retention.…` say: [list](https://github.com/taskqueue/taskqueue/blob/main/docs/configuration.md).
  ///
  /// ```swift
  /// let config = ConfigReader(provider: EnvironmentVariablesProvider()).scoped(to: "taskqueue")
  /// let worker = try TaskWorker(store: store, handlers: handlers, configuration: .init(config: config))  // TASKQUEUE_WORKER_CONCURRENCY=20
  /// ```
  ///
  /// - Throws: ``TaskQueueError`` that names the key: `invalidConfiguration` for a value that cannot be read; what ``validate()`` throws.
  public init(config: ConfigReader) throws(TaskQueueError) {
    self.init()
    try config.read(.workerName, into: &name)
    try config.read(.workerVersion, into: &version)
    if let queues = try config.texts(.workerQueues) { self.queues = queues.map { QueueName($0) } }
    try config.read(.workerConcurrency, into: &concurrency)
    for (queue, count) in try config.pairs(.workerMaxConcurrent, example: "queue=5") ?? [] {
      guard let count = Int(count) else {
        throw ConfigReader.problem(.workerMaxConcurrent, "has \"\(count)\" for \(queue), which is no whole number")
      }
      maxConcurrent[QueueName(queue)] = count
    }
    if let limits = try config.pairs(.workerLimits, example: "bank=5 or mail=10/1s") {
      self.limits = []
      for (name, rule) in limits { self.limits.append(try Self.limit(name, rule)) }
    }
    try config.read(.workerMaxPrefetch, into: &maxPrefetch)
    try config.read(.workerLease, into: &lease)
    try config.read(.workerMaxCrashes, into: &maxCrashes)
    try config.read(.workerMinPollInterval, into: &minPollInterval)
    try config.read(.workerMaxPollInterval, into: &maxPollInterval)
    try config.read(.workerPromotionInterval, into: &promotionInterval)
    try config.read(.workerListensForWakeUps, into: &listensForWakeUps)
    try config.read(.workerShutdownGrace, into: &shutdownGrace)
    try config.read(.workerCancellationGrace, into: &cancellationGrace)
    try config.read(.workerMaintenanceInterval, into: &maintenanceInterval)
    try config.read(.workerDepthInterval, into: &depthInterval)
    retention = try RetentionConfiguration(config: config)
    let read = self
    try ConfigReader.validate("worker") { () throws(TaskQueueError) in try read.validate() }
  }

  /// `5`: so many at a time. `10/1s`: so many per period.
  private static func limit(_ name: String, _ rule: String) throws(TaskQueueError) -> LimitRule {
    if let concurrency = Int(rule) { return LimitRule(name, concurrency: concurrency) }
    let parts = rule.split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 2, let count = Int(parts[0]), let period = Duration(configuration: String(parts[1])) else {
      throw ConfigReader.problem(
        .workerLimits,
        "has \"\(rule)\" for \(name), which is neither a whole number nor a rate such as 10/1s"
      )
    }
    return LimitRule(name, rate: LimitRate(count, per: period))
  }
}
