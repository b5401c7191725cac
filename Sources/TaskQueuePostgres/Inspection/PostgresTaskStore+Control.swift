import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore {
  public func cancel(_ id: TaskID) async throws(TaskQueueError) -> CancelResult {
    let statement = statements.cancel(.int8(id.rawValue))
    let result = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    return try cancellation(result, of: id)
  }

  func cancellation(_ result: LibpqResult, of id: TaskID) throws(TaskQueueError) -> CancelResult {
    switch try text(result) {
    case "cancelled": return .cancelled
    case "requested": return .requested
    case "finished": return .alreadyFinished
    default: throw TaskQueueError(.unknownTask, "There never was a task with id \(id).")
    }
  }

  public func runNow(_ id: TaskID, expectedAttempt: Int) async throws(TaskQueueError) -> Bool {
    let statement = statements.runNow(.int8(id.rawValue), .int4(Int32(clamping: expectedAttempt)))
    let result = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    return try read { () throws(LibpqError) in try result[0].bool(0) }
  }

  public func pause(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    _ = try await query(statements.pause(.text(queue.rawValue)))
  }

  public func resume(_ queue: QueueName) async throws(TaskQueueError) {
    try queue.validate()
    _ = try await query(statements.resume(.text(queue.rawValue)))
  }

  public func pausedQueues() async throws(TaskQueueError) -> [QueueName] {
    let result = try await query(statements.pausedQueues())
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in QueueName(try row.text(0)) }
    }
  }

  /// Reads the tasks of that type unless the app made an index for it, such as
  /// `CREATE INDEX ON taskqueue.task (type, (payload ->> 'paymentID'))`; with one it costs what it deletes.
  public func deleteDuplicates(_ filter: DuplicateFilter) async throws(TaskQueueError) -> Int {
    try count(try await query(duplicates(filter)))
  }

  func duplicates(_ filter: DuplicateFilter) -> LibpqStatement {
    statements.deleteDuplicates([
      .int8(filter.olderThan.rawValue), .text(filter.type.rawValue), .text(filter.property), .text(filter.value),
      .int4(Int32(clamping: filter.minPriority)),
    ])
  }

  func count(_ result: LibpqResult) throws(TaskQueueError) -> Int {
    try read { () throws(LibpqError) in Int(try result[0].int8(0)) }
  }

  func text(_ result: LibpqResult) throws(TaskQueueError) -> String {
    try read { () throws(LibpqError) in try result[0].text(0) }
  }
}
