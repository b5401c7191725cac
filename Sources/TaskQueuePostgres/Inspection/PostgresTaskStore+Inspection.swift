import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore {
  public func task(_ id: TaskID) async throws(TaskQueueError) -> TaskSnapshot? {
    try snapshots(try await query(statements.task(.int8(id.rawValue)))).first
  }

  public func tasks(after id: TaskID?, limit: Int) async throws(TaskQueueError) -> [TaskSnapshot] {
    try snapshots(try await query(statements.tasks(.int8(id?.rawValue ?? .min), .int8(Self.page(limit)))))
  }

  public func counts() async throws(TaskQueueError) -> [TaskCount] {
    let result = try await query(statements.counts())
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        TaskCount(
          queue: QueueName(try row.text(0)),
          type: TaskType(try row.text(1)),
          state: TaskState(rawValue: try row.text(2)),
          count: Int(try row.int8(3))
        )
      }
    }
  }

  public func unserved(
    besides queues: [QueueName],
    dueFor duration: Duration,
    within limit: Duration
  ) async throws(TaskQueueError) -> [QueueName] {
    let parameters: [LibpqValue] = [.textArray(queues.map(\.rawValue)), .interval(duration), .int8(Int64(Limits.page))]
    let result = try await query(statements.unserved(parameters), within: limit)
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in QueueName(try row.text(0)) }
    }
  }

  /// Looks at the first 100,000 ready tasks of each queue only: tasks that nobody takes gather there.
  public func unhandled(
    queues: [QueueName],
    knownTypes: [TaskType],
    within limit: Duration
  ) async throws(TaskQueueError) -> [TaskCount] {
    let result = try await query(
      statements.unhandled(
        .textArray(Set(queues).map(\.rawValue)),
        .textArray(knownTypes.map(\.rawValue)),
        .int8(Int64(Limits.page))
      ),
      within: limit
    )
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        TaskCount(
          queue: QueueName(try row.text(0)),
          type: TaskType(try row.text(1)),
          state: .due,
          count: Int(try row.int8(2))
        )
      }
    }
  }

  static func page(_ limit: Int) -> Int64 { Int64(max(0, min(limit, Limits.page))) }

  private func snapshots(_ result: LibpqResult) throws(TaskQueueError) -> [TaskSnapshot] {
    try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        TaskSnapshot(
          id: TaskID(try row.int8(0)),
          queue: QueueName(try row.text(1)),
          type: TaskType(try row.text(2)),
          state: TaskState(rawValue: try row.text(3)),
          priority: Int(try row.int8(4)),
          payload: try row.data(5),
          headers: StoredJSON.headers(try row.optionalData(6)),
          attempt: Int(try row.int8(7)),
          failures: Int(try row.int8(8)),
          crashes: Int(try row.int8(9)),
          uniqueKey: try row.optionalText(10),
          limit: try row.optionalText(14).map { TaskLimit(stored: $0) },
          dueAt: try row.timestamptz(11),
          createdAt: try row.timestamptz(12),
          errors: StoredJSON.errors(try row.optionalData(13))
        )
      }
    }
  }
}
