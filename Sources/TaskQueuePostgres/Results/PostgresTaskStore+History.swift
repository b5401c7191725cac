import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: HistoryStore {
  /// One statement, by the primary keys.
  public func ending(of task: TaskID) async throws(TaskQueueError) -> TaskEnding {
    let result = try await query(historyStatements.ending(.int8(task.rawValue)))
    return try read { () throws(LibpqError) in
      guard let row = result.rows.first else { return .unknown }
      switch try row.text(0) {
      case "live": return .live
      case "completed": return .completed(try row.optionalData(1))
      case "dead":
        return .dead(
          TaskType(try row.text(2)),
          DeadLetterReason(rawValue: try row.text(3)),
          detail: try row.optionalText(4),
          lastError: try row.optionalText(5)
        )
      default: return .gone
      }
    }
  }

  public func note(_ counts: [AttemptCount], within limit: Duration) async throws(TaskQueueError) {
    let statement = historyStatements.note(
      .textArray(counts.map(\.queue.rawValue)),
      .textArray(counts.map(\.type.rawValue)),
      .textArray(counts.map(\.outcome)),
      .int8Array(counts.map { Int64($0.count) })
    )
    _ = try await query(statement, within: limit)
  }

  public func throughput(of time: Duration, limit: Int) async throws(TaskQueueError) -> [ThroughputCount] {
    let result = try await query(historyStatements.throughput(.interval(time), .int8(Int64(limit))))
    return try read { () throws(LibpqError) in
      let counts = try result.rows.map { row throws(LibpqError) in
        ThroughputCount(
          minute: try row.timestamptz(0),
          queue: QueueName(try row.text(1)),
          type: TaskType(try row.text(2)),
          outcome: try row.text(3),
          attempts: Int(try row.int8(4))
        )
      }
      return counts.reversed()
    }
  }

  /// As the owner of the tables, whatever role calls it.
  public func keepHistory(within limit: Duration) async throws(TaskQueueError) -> Int {
    let result = try await query(historyStatements.keep(.int4(Int32(Limits.page))), within: limit)
    return try read { () throws(LibpqError) in Int(try result[0].int8(0)) }
  }
}
