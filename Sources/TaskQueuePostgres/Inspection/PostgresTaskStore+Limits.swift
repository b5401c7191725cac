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
        .bool(rule.order.holds)
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
          rule: LimitRule(try row.text(0), concurrency: Int(try row.int4(1)), order: order),
          operatorConcurrency: try row.optionalInt4(4).map(Int.init),
          isPaused: try row.bool(5)
        )
      }
    }
  }

  public func change(_ limit: String, _ change: LimitChange) async throws(TaskQueueError) {
    let statement: LibpqStatement
    if case .set(let concurrency) = change {
      statement = statements.setLimit(.text(limit), .int4(Int32(clamping: concurrency)))
    } else if let template = statements.changeLimit[change] {
      statement = template(.text(limit))
    } else {
      preconditionFailure("a change of limits without a statement")
    }
    let result: LibpqResult
    do throws(TaskQueueError) {
      result = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    } catch {
      guard (error.underlying as? LibpqError)?.sqlState == "22023" else { throw error }
      throw TaskQueueError(
        .invalidOption,
        "An ordered limit lets one task run at a time.",
        underlying: error.underlying
      )
    }
    guard try read({ () throws(LibpqError) in try result[0].bool(0) }) else {
      throw TaskQueueError(.unknownLimit, "There is no limit of this name; list() names those there are.")
    }
  }
}
