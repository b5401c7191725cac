import Libpq
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Every read is one statement: one round trip, one snapshot. On a hot standby they work as well.
@_spi(Store) extension PostgresTaskStore: OperatingStore {
  public func list(
    _ filter: TaskFilter,
    after cursor: TaskCursor?,
    limit: Int
  ) async throws(TaskQueueError) -> TaskPage {
    let state: TaskState? = filter.place == .live ? filter.state : nil
    let statement = operatingStatements.list(
      .text(filter.place.rawValue),
      filter.queue.map { .text($0.rawValue) } ?? .null,
      filter.type.map { .text($0.rawValue) } ?? .null,
      state.map { .text($0.rawValue) } ?? .null,
      filter.createdBefore.map { .timestamptz($0) } ?? .null,
      filter.createdAfter.map { .timestamptz($0) } ?? .null,
      filter.error.map { .text($0.withoutNUL) } ?? .null,
      filter.limit.map { .text($0.description) } ?? .null,
      filter.reason.map { .text($0.rawValue) } ?? .null,
      cursor.map { .text($0.description) } ?? .null,
      .int4(Int32(clamping: limit)),
      // To search in texts takes longer.
      .int4(Int32(filter.error == nil ? Limits.listLook : Limits.listLook / 2))
    )
    let result: LibpqResult
    do throws(TaskQueueError) { result = try await query(statement) } catch {
      guard (error.underlying as? LibpqError)?.sqlState == "22023" else { throw error }
      throw .unknownCursor
    }
    return try read { () throws(LibpqError) in
      var page = TaskPage(tasks: [], next: nil, lookedAt: 0)
      for row in result.rows {
        if try row.isNull(0) {
          page.next = try row.optionalText(17).flatMap { TaskCursor($0) }
          page.lookedAt = Int(try row.int4(18))
        } else {
          page.tasks.append(try TaskSummary(row))
        }
      }
      return page
    }
  }

  public func detail(of id: TaskID, withPayload: Bool) async throws(TaskQueueError) -> TaskDetail? {
    let result = try await query(operatingStatements.detail(.int8(id.rawValue), .bool(withPayload)))
    return try read { () throws(LibpqError) in
      try result.rows.first.map { row throws(LibpqError) in try TaskDetail(row) }
    }
  }

  public func overview() async throws(TaskQueueError) -> QueueOverview {
    let statement = operatingStatements.overview(.int4(Int32(Limits.page)), .int4(Int32(Limits.listLook / 2)))
    let result = try await query(statement)
    return try read { () throws(LibpqError) in
      // The first row is the ledger's, and has what is of all.
      let first = result[0]
      func count(_ row: LibpqRow, _ column: Int) throws(LibpqError) -> BoundedCount {
        BoundedCount(Int(try row.int4(column)), isMore: try row.bool(column + 1))
      }
      let queues = try result.rows.dropFirst().map { row throws(LibpqError) in
        QueueSummary(
          queue: QueueName(try row.text(0)),
          pausedSince: try row.optionalTimestamptz(1),
          due: try count(row, 2),
          limited: try count(row, 4),
          running: try count(row, 6),
          waiting: try count(row, 8),
          dead: try count(row, 10),
          oldestDueAt: try row.optionalTimestamptz(12),
          workers: Int(try row.int4(13))
        )
      }
      return QueueOverview(
        queues: queues,
        unsettledEffects: try count(first, 2),
        oldestUnsettledAt: try first.optionalTimestamptz(12),
        at: try first.timestamptz(14),
        isStandby: try first.bool(15)
      )
    }
  }

  public func limitLines(of name: String, after key: String?, limit: Int) async throws(TaskQueueError) -> [LimitLine] {
    // Twice as much is looked at: who has slots, and who waits.
    let statement = operatingStatements.limitLines(
      .text(name),
      key.map { .text($0) } ?? .null,
      .int4(Int32(clamping: limit)),
      .int4(Int32(2 * Limits.listLook))
    )
    let result = try await query(statement)
    let most = min(Limits.page, max(20, 2 * Limits.listLook / max(1, limit)))
    func count(_ value: Int32) -> BoundedCount { BoundedCount(min(Int(value), most), isMore: value > most) }
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        LimitLine(
          limit: TaskLimit(stored: try row.text(0)),
          taken: count(try row.int4(1)),
          waiting: count(try row.int4(2)),
          pausedUntil: try row.optionalTimestamptz(3),
          heldBy: try row.optionalInt8(4).map { TaskID($0) }
        )
      }
    }
  }

  public func actions(
    before id: Int64?,
    about target: OperatorTarget?,
    limit: Int
  ) async throws(TaskQueueError) -> [OperatorAction] {
    let (last, limit) = (LibpqValue.int8(id ?? .max), LibpqValue.int4(Int32(clamping: limit)))
    let statement: LibpqStatement =
      if let target, let task = target.task {
        operatingStatements.actionsAboutTask(.int8(task.rawValue), last, limit)
      } else if let target {
        operatingStatements.actionsAboutTarget(.text(target.description.withoutNUL), last, limit)
      } else {
        operatingStatements.actions(last, limit)
      }
    let result = try await query(statement)
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        let tasks = try? JSONDecoder().decode([Int64].self, from: try row.data(10))
        return OperatorAction(
          id: try row.int8(0),
          at: try row.timestamptz(1),
          actor: try row.text(2),
          role: try row.text(3),
          verb: .init(rawValue: try row.text(4)),
          target: OperatorTarget(try row.text(5)),
          reason: try row.optionalText(6),
          request: try row.optionalData(7),
          before: try row.optionalData(8),
          after: try row.optionalData(9),
          tasks: (tasks ?? []).map { TaskID($0) },
          taskCount: Int(try row.int8(11))
        )
      }
    }
  }
}

extension TaskSummary {
  /// The columns of the function `_list_tasks`, and the first of `_task_detail`.
  init(_ row: LibpqRow) throws(LibpqError) {
    self.init(
      id: TaskID(try row.int8(0)),
      queue: QueueName(try row.text(1)),
      type: TaskType(try row.text(2)),
      state: TaskState(rawValue: try row.text(3)),
      priority: Int(try row.int4(4)),
      attempt: Int(try row.int4(5)),
      failures: Int(try row.int4(6)),
      crashes: Int(try row.int4(7)),
      uniqueKey: try row.optionalText(8),
      limit: try row.optionalText(9).map { TaskLimit(stored: $0) },
      dueAt: try row.optionalTimestamptz(10),
      leaseUntil: try row.optionalTimestamptz(11),
      createdAt: try row.timestamptz(12),
      endedAt: try row.optionalTimestamptz(13),
      lastError: try row.optionalText(14),
      reason: try row.optionalText(15).map { DeadLetterReason(rawValue: $0) },
      isFlow: try row.bool(16)
    )
  }
}
