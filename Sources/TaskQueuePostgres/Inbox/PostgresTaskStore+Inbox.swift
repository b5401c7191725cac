public import Libpq
@_spi(Store) public import TaskQueue

extension PostgresTaskStore {
  public func receive(
    _ event: CallbackEvent,
    retention: Duration,
    wake task: NewTask,
    in transaction: LibpqTransaction?
  ) async throws(TaskQueueError) -> CallbackReceipt {
    let statement = effectStatements.receive(
      [
        .text(event.source), .text(event.id), event.subject.map { .text($0) } ?? .null, .interval(retention),
      ] + (try task.parameters(wakes: configuration.wakesUp))
    )
    let result =
      if let transaction { try await query(statement, in: transaction) } else { try await query(statement) }
    return try read { () throws(LibpqError) in
      guard let id = try result[0].optionalInt8(0) else { return .duplicate }
      return .accepted(EnqueueResult(id: TaskID(id), isNew: try result[0].bool(1)))
    }
  }

  public func lockSubject(
    _ subject: String,
    source: String,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) {
    _ = try await query(effectStatements.lockSubject(.text(source), .text(subject)), in: transaction)
  }

  public func remember(
    _ event: CallbackEvent,
    retention: Duration,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> Bool {
    let statement = effectStatements.remember(
      .text(event.source),
      .text(event.id),
      event.subject.map { .text($0) } ?? .null,
      .json(event.payload),
      .interval(retention)
    )
    let result = try await query(statement, in: transaction)
    return try read { () throws(LibpqError) in try result[0].bool(0) }
  }

  public func claimEvents(
    source: String,
    subject: String,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> [RememberedEvent] {
    let statement = effectStatements.claimEvents(.text(source), .text(subject), .int4(Int32(Limits.page)))
    let result = try await query(statement, in: transaction)
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        RememberedEvent(id: try row.text(0), payload: try row.data(1), receivedAt: try row.timestamptz(2))
      }
    }
  }

  public func purgeExpiredEvents() async throws(TaskQueueError) -> Int {
    let result = try await query(effectStatements.purgeEvents(.int4(Int32(Limits.page))))
    return try read { () throws(LibpqError) in Int(try result[0].int8(0)) }
  }
}
