extension TaskClient {
  /// Drops what has been kept for its time, at most ``Limits/page`` of a kind, as workers do every minute
  /// (``TaskWorkerConfiguration/retention``). For processes that have no worker, and for tests.
  ///
  /// - Returns: whether there may be more.
  /// - Throws: ``TaskQueueError``: `invalidOption`, `storeFailed`; `invalidConfiguration` for a store that keeps everything.
  @discardableResult
  public func dropExpired(by retention: RetentionConfiguration = .init()) async throws(TaskQueueError) -> Bool {
    try retention.validate()
    guard let keeper = contract as? any RetentionStore else {
      throw TaskQueueError(
        .invalidConfiguration,
        "This store drops nothing by itself; use one that does, such as PostgresTaskStore."
      )
    }
    return try await keeper.dropExpired(by: retention, within: .seconds(60)).mayHaveMore
  }
}
