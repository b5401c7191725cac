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

  /// Starts no task of this limit any more, on all workers; what runs goes on.
  ///
  /// - Throws: ``TaskQueueError``: `unknownLimit`, `storeFailed`.
  public func pause(_ name: String) async throws(TaskQueueError) { try await contract.change(name, .pause) }

  /// Ends a pause.
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
