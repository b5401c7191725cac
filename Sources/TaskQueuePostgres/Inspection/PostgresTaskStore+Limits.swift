import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore {
  /// Without a write where nothing differs.
  public func declare(_ rules: [LimitRule]) async throws(TaskQueueError) {
    let pipeline = rules.map { rule in
      statements.declareLimit(
        .text(rule.name),
        .int4(Int32(rule.concurrency)),
        .bool(rule.order.isOrdered),
        .bool(rule.order.holds),
        rule.rate.map { .int4(Int32(clamping: $0.count)) } ?? .null,
        rule.rate.map { .interval($0.period) } ?? .null,
        rule.rate.map { .int4(Int32(clamping: $0.burst)) } ?? .null
      )
    }
    try await tryingAgain { () async throws(TaskQueueError) in
      do throws(LibpqError) { _ = try await isolation.send(pipeline, through: pool) } catch {
        throw TaskQueueError(error, .safe)
      }
    }
  }

  public func limits() async throws(TaskQueueError) -> [LimitStatus] {
    let result = try await query(statements.limits())
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        let order = LimitRule.Order(isOrdered: try row.bool(2), holds: try row.bool(3))
        return LimitStatus(
          rule: LimitRule(
            try row.text(0),
            concurrency: Int(try row.int4(1)),
            rate: try row.optionalRate(6),
            order: order
          ),
          operatorConcurrency: try row.optionalInt4(4).map(Int.init),
          operatorRate: try row.optionalRate(9),
          isPaused: try row.bool(5)
        )
      }
    }
  }

  public func change(_ limit: String, _ change: LimitChange) async throws(TaskQueueError) {
    let statement = statement(limit, change)
    try await changing(limit) { () async throws(TaskQueueError) in
      try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    }
  }

  func statement(_ limit: String, _ change: LimitChange) -> LibpqStatement {
    if case .set(let concurrency) = change {
      return statements.setLimit(.text(limit), .int4(Int32(clamping: concurrency)))
    }
    if case .setRate(let rate) = change {
      return statements.setLimitRate(
        .text(limit),
        .int4(Int32(clamping: rate.count)),
        .interval(rate.period),
        .int4(Int32(clamping: rate.burst))
      )
    }
    guard let template = statements.changeLimit[change] else {
      preconditionFailure("a change of limits without a statement")
    }
    return template(.text(limit))
  }

  func pauseStatement(_ limit: TaskLimit, for duration: Duration) -> LibpqStatement {
    statements.pauseLimitFor(.text(limit.name), .interval(duration), .text(limit.key))
  }

  /// - Throws: `unknownLimit`; `invalidOption` for what an ordered limit does not have.
  func changing(_ name: String, _ body: () async throws(TaskQueueError) -> LibpqResult) async throws(TaskQueueError) {
    let result: LibpqResult
    do throws(TaskQueueError) { result = try await body() } catch {
      guard (error.underlying as? LibpqError)?.sqlState == "22023" else { throw error }
      throw TaskQueueError(
        .invalidOption,
        "An ordered limit lets one task run at a time, and has no rate.",
        underlying: error.underlying
      )
    }
    try requireKnown(name, result)
  }

  /// What was taken is lost if the connection breaks: a repetition takes the next one.
  public func take(_ limit: TaskLimit, within longest: Duration) async throws(TaskQueueError) -> Duration {
    let statement = statements.takeLimit(
      .text(limit.name),
      .text(limit.key),
      .int4(Int32(clamping: limit.weight)),
      .interval(longest)
    )
    let result = try await query(statement)
    return try read { () throws(LibpqError) in .microseconds(try result[0].int8(0)) }
  }

  public func pause(_ limit: TaskLimit, for duration: Duration) async throws(TaskQueueError) {
    let statement = pauseStatement(limit, for: duration)
    try requireKnown(
      limit.name,
      try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    )
  }

  func requireKnown(_ name: String, _ result: LibpqResult) throws(TaskQueueError) {
    guard try read({ () throws(LibpqError) in try result[0].bool(0) }) else {
      throw .unknownLimit(name)
    }
  }
}

extension LibpqRow {
  /// Three columns: count, period, burst.
  fileprivate func optionalRate(_ column: Int) throws(LibpqError) -> LimitRate? {
    guard let count = try optionalInt4(column) else { return nil }
    return LimitRate(Int(count), per: .microseconds(try int8(column + 1)), burst: Int(try int4(column + 2)))
  }
}
