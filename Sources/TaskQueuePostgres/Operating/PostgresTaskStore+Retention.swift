import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: RetentionStore {
  /// Each kind by its own statement and commit, by index.
  public func dropExpired(
    by retention: RetentionConfiguration,
    within limit: Duration
  ) async throws(TaskQueueError) -> RetentionReport {
    let page = LibpqValue.int4(Int32(Limits.page))
    var report = RetentionReport()
    if let age = retention.deadLetters {
      report.deadLetters = try count(
        try await query(operatingStatements.dropDeadLetters(.interval(age), page), within: limit)
      )
    }
    if let age = retention.effects {
      report.effects = try count(try await query(effectStatements.purgeEffects(.interval(age), page), within: limit))
    }
    if let age = retention.actions {
      report.actions = try count(try await query(operatingStatements.dropActions(.interval(age), page), within: limit))
    }
    report.inboxEvents = try count(try await query(effectStatements.purgeEvents(page), within: limit))
    return report
  }
}
