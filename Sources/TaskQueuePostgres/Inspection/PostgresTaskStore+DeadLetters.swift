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

  public func redrive(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage {
    // Not repeatable blindly: a redriven task may have died again since.
    let statement = redriveStatement(filter, from: cursor)
    return try redrivenPage(
      try await tryingAgain { () async throws(TaskQueueError) in try await query(statement, .unsafe) }
    )
  }

  func redriveStatement(_ filter: DeadLetterFilter, from cursor: DeadLetterCursor?) -> LibpqStatement {
    statements.redrive(
      filter.parameters + cursor.parameters + [.int8(Int64(Limits.page)), .bool(configuration.wakesUp)]
    )
  }

  func redrivenPage(_ result: LibpqResult) throws(TaskQueueError) -> DeadLetterPage {
    try read { () throws(LibpqError) in
      var page = DeadLetterPage(ids: [], next: try next(result))
      for row in result.rows where try row.bool(2) { page.ids.append(TaskID(try row.int8(0))) }
      return page
    }
  }

  /// By age it reads the index of ages, as far as it deletes.
  public func purge(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?
  ) async throws(TaskQueueError) -> DeadLetterPage {
    try purgedPage(try await query(purgeStatement(filter, from: cursor)))
  }

  func purgeStatement(_ filter: DeadLetterFilter, from cursor: DeadLetterCursor?) -> LibpqStatement {
    let page = LibpqValue.int8(Int64(Limits.page))
    let isByAge = filter.ids == nil && filter.olderThan != nil
    return isByAge
      ? statements.purgeOld(filter.parameters.dropFirst() + [cursor.parameters[1], page])
      : statements.purge(filter.parameters + cursor.parameters + [page])
  }

  func purgedPage(_ result: LibpqResult) throws(TaskQueueError) -> DeadLetterPage {
    try read { () throws(LibpqError) in
      var page = DeadLetterPage(ids: [], next: try next(result))
      for row in result.rows { page.ids.append(TaskID(try row.int8(0))) }
      return page
    }
  }

  /// The rows are those that were looked at, by id, with the instant at which the walk began.
  private func next(_ result: LibpqResult) throws(LibpqError) -> DeadLetterCursor? {
    guard result.rowCount == Limits.page else { return nil }
    let last = result[result.rowCount - 1]
    return DeadLetterCursor(after: TaskID(try last.int8(0)), diedBy: try last.timestamptz(1))
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
      // No instant is further away than that.
      olderThan.map { .interval(max(.zero - Limits.delay, min($0, Limits.delay * 10))) } ?? .null,
    ]
  }
}

extension DeadLetterCursor? {
  fileprivate var parameters: [LibpqValue] {
    [map { .int8($0.after.rawValue) } ?? .null, map { .timestamptz($0.diedBy) } ?? .null]
  }
}
