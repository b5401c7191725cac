extension TaskClient {
  /// Stores an event for the flows that wait for its key, or will; durable when this returns. The first one with a key counts, until its
  /// retention is over.
  ///
  /// - Parameters:
  ///   - key: 1 to 256 bytes without control characters, unique in the whole schema: `paid/7` rather than `paid`.
  ///   - payload: at most ``Limits/stepValueBytes`` as JSON.
  ///   - retention: how long it is there for flows that come to wait for it; 7 days. Who waits already keeps it.
  /// - Returns: whether this one counts.
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption`, `payloadTooLarge`, `encodingFailed`; `storeFailed`: emitting it again is safe.
  @discardableResult
  public func emit(
    _ key: String,
    _ payload: some Encodable,
    retention: Duration = .seconds(7 * 86_400)
  ) async throws(TaskQueueError) -> Bool {
    try await flows().emit(FlowEvent(key, payload, retention: retention, coding: .standard))
  }

  /// What a flow has done so far, live or dead, in the order in which it came there; at most ``Limits/page``. Empty: no flow, or completed.
  public func steps(of task: TaskID) async throws(TaskQueueError) -> [FlowStep] { try await flows().steps(of: task) }

  /// Whether every flow of the type, live or dead, has passed ``TaskContext/version(_:)`` with true, so that nobody needs the code for false.
  ///
  /// Flows that have steps and have not come there yet count as no: they may have come from older code. Reads all of them; not for every
  /// second.
  public func isVersionSafeToRemove(_ version: String, of type: TaskType) async throws(TaskQueueError) -> Bool {
    try await flows().isTrueEverywhere(FlowNames.version(version), type: type)
  }

  /// Deletes what flows that are gone have left, and expired events, a bounded number; workers do it now and then.
  /// - Returns: how many rows.
  @discardableResult
  public func purgeFlows() async throws(TaskQueueError) -> Int { try await flows().purgeFlows(within: .seconds(60)) }

  private func flows() throws(TaskQueueError) -> any FlowStore {
    guard let flows = contract as? any FlowStore else {
      throw TaskQueueError(
        .invalidConfiguration,
        "This store keeps no flows; use one that does, such as PostgresTaskStore."
      )
    }
    return flows
  }
}

extension TaskClient where Store: TransactionalTaskStore {
  /// ``emit(_:_:retention:)`` in the app's transaction: flows get it when that commits, and never if it rolls back.
  @discardableResult
  public func emit(
    _ key: String,
    _ payload: some Encodable,
    retention: Duration = .seconds(7 * 86_400),
    in transaction: Transaction
  ) async throws(TaskQueueError) -> Bool {
    try await store.emit(FlowEvent(key, payload, retention: retention, coding: .standard), in: transaction)
  }
}
