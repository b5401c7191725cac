/// Limits of running systems: ``TaskClient/limits``. What people set here counts more than what programs declare, until it is reset.
public struct LimitControl: Sendable {
  let contract: any StoreContract

  /// Declares limits, as a worker does when it starts. Idempotent; keeps what people have set. Tasks that are there keep the order that they
  /// were enqueued with.
  ///
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `storeFailed`.
  public func declare(_ rules: [LimitRule]) async throws(TaskQueueError) {
    for rule in rules { try rule.validate() }
    guard !rules.isEmpty else { return }
    try await contract.declare(rules)
  }

  /// All limits by name.
  public func list() async throws(TaskQueueError) -> [LimitStatus] { try await contract.limits() }

  /// Sets how many tasks of a key run at a time. Lowered: what runs goes on, and no more start until fewer run.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`; `invalidOption` (outside of 1 … 1,000, or above 1 for an ordered one); `storeFailed`.
  public func set(_ name: String, concurrency: Int) async throws(TaskQueueError) {
    try LimitRule.validate(concurrency)
    try await contract.change(name, .set(concurrency))
  }

  /// Sets how fast tasks of a key are admitted. Lowered: the next one comes a gap of the new rate after the last one.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`; `invalidOption` (out of its bounds, or an ordered limit); `storeFailed`.
  public func set(_ name: String, rate: LimitRate) async throws(TaskQueueError) {
    try rate.validate()
    try await contract.change(name, .setRate(rate))
  }

  /// Starts no task of this limit any more, on all workers; what runs goes on.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`, `storeFailed`.
  public func pause(_ name: String) async throws(TaskQueueError) { try await contract.change(name, .pause) }

  /// Admits no task of this limit's key for a time, at most ``Limits/limitWait``, on all workers; then it goes on by itself. What runs goes on, what was
  /// admitted and does not run yet goes back in line. Does not shorten a pause that is there. Zero and less do nothing.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`, `invalidName`, `storeFailed`.
  public func pause(_ name: String, key: String = "", for duration: Duration) async throws(TaskQueueError) {
    let limit = TaskLimit(name, key: key)
    try limit.validate()
    try await contract.pause(limit, for: min(duration, Limits.limitWait))
  }

  /// Ends a pause without an end.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`, `storeFailed`.
  public func resume(_ name: String) async throws(TaskQueueError) { try await contract.change(name, .resume) }

  /// Takes back what people have set, pauses too: what programs declare holds again.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`, `storeFailed`.
  public func reset(_ name: String) async throws(TaskQueueError) { try await contract.change(name, .reset) }
}

extension TaskClient {
  /// How many tasks of a key run at a time: declared, listed, changed.
  public var limits: LimitControl { LimitControl(contract: contract) }
}

@_spi(Store) extension TaskQueueError {
  /// Nothing was changed.
  public static func unknownLimit(_ name: String) -> TaskQueueError {
    TaskQueueError(
      .unknownLimit,
      "There is no limit \(name). Declare it first, by a worker's configuration or the client's limits."
    )
  }
}
