extension TaskClient {
  /// Why the task does not run, or that it does: waiting, paused, limited, dead, without a worker … Every id has an answer. For people, and
  /// for what shows them; nothing is to be decided by it, since it may be otherwise a moment later.
  ///
  /// One round trip. Reads by index, some 10,000 rows at most, and counts to ``TaskExplanation/maxCount``.
  ///
  /// - Throws: ``TaskQueueError``: `storeFailed`; `invalidConfiguration` for a store that does not know its workers.
  public func explain(_ id: TaskID) async throws(TaskQueueError) -> TaskExplanation {
    try await workerStore.explain(id)
  }

  /// The workers that run now, by name, with the queues and types that they serve; at most ``Limits/page``. One that was killed is listed
  /// for 2 minutes more.
  ///
  /// - Throws: as ``explain(_:)``.
  public func workers() async throws(TaskQueueError) -> [WorkerSnapshot] { try await workerStore.workers() }

  private var workerStore: any WorkerStore {
    get throws(TaskQueueError) {
      guard let store = contract as? any WorkerStore else {
        throw TaskQueueError(
          .invalidConfiguration,
          "This store does not know its workers; use one that does, such as PostgresTaskStore."
        )
      }
      return store
    }
  }
}
