import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore {
  public func deadLetters(
    _ filter: DeadLetterFilter,
    after id: TaskID?,
    limit: Int
  ) async throws(TaskQueueError) -> [DeadLetter] {
    let parameters = filter.parameters + [.int8(id?.rawValue ?? .min), .int8(Self.page(limit))]
    let result = try await query(statements.deadLetters(parameters))
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        DeadLetter(
          id: TaskID(try row.int8(0)),
          queue: QueueName(try row.text(1)),
          type: TaskType(try row.text(2)),
          priority: Int(try row.int8(3)),
          payload: try row.data(4),
          headers: StoredJSON.headers(try row.optionalData(5)),
          reason: DeadLetterReason(rawValue: try row.text(6)),
          detail: try row.optionalText(7),
          attempt: Int(try row.int8(8)),
          failures: Int(try row.int8(9)),
          crashes: Int(try row.int8(10)),
          createdAt: try row.timestamptz(11),
          diedAt: try row.timestamptz(12),
          errors: StoredJSON.errors(try row.optionalData(13))
        )
      }
    }
  }

  public func redrive(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> [TaskID] {
    let parameters = filter.parameters + [.int4(Int32(Limits.page)), .bool(configuration.wakesUp)]
    // Not repeatable blindly: a redriven task may have died again since.
    let result = try await query(statements.redrive(parameters), .unsafe)
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in TaskID(try row.int8(0)) }
    }
  }

  public func purge(_ filter: DeadLetterFilter) async throws(TaskQueueError) -> Int {
    try await query(statements.purge(filter.parameters + [.int8(Int64(Limits.page))])).affectedRows
  }

  public func dropExpiredKeys(within limit: Duration) async throws(TaskQueueError) -> Int {
    try await query(statements.dropExpiredKeys(.int8(Int64(Limits.page))), within: limit).affectedRows
  }
}

extension DeadLetterFilter {
  fileprivate var parameters: [LibpqValue] {
    [
      ids.map { .int8Array($0.map(\.rawValue)) } ?? .null,
      type.map { .text($0.rawValue) } ?? .null,
      olderThan.map { .interval($0) } ?? .null,
    ]
  }
}
