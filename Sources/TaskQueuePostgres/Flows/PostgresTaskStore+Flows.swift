public import Libpq
import Synchronization
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: FlowStore {
  /// Shares a statement and a commit with flows that record at the same time; a lone caller waits for nobody.
  public func record(_ step: FlowStep, by claim: Claim, repeats: Bool) async throws(TaskQueueError) -> Bool {
    try await steps.record(StepRecord(step: step, claim: claim, repeats: repeats)) {
      statement throws(TaskQueueError) in try await query(statement)
    }
  }

  /// One function call: one round trip, one commit.
  public func look(
    for event: String,
    as step: String,
    place: Int,
    isOver: Bool,
    by claim: Claim
  ) async throws(TaskQueueError) -> FlowEventLook {
    let result = try await query(
      flowStatements.awaitEvent(
        .int8(claim.id.rawValue),
        .int8(claim.token),
        .text(step),
        .text(event),
        .int4(Int32(clamping: place)),
        .bool(isOver)
      )
    )
    return try read { () throws(LibpqError) in
      switch try result[0].text(0) {
      case "event": return .event(FlowStep(step, .event, place: place, value: try result[0].optionalData(1)))
      case "timeout": return .timedOut
      case "lost": return .lost
      default: return .wait
      }
    }
  }

  public func emit(_ event: FlowEvent) async throws(TaskQueueError) -> Bool {
    let result = try await query(emission(event))
    return try read { () throws(LibpqError) in try result[0].bool(0) }
  }

  func emission(_ event: FlowEvent) -> LibpqStatement {
    flowStatements.emit(
      .text(event.key),
      .json(event.payload),
      .interval(event.retention),
      .bool(configuration.wakesUp)
    )
  }

  public func steps(of task: TaskID) async throws(TaskQueueError) -> [FlowStep] {
    let result = try await query(flowStatements.steps(.int8(task.rawValue), .int8(Int64(Limits.page))))
    return try read { () throws(LibpqError) in try result[0].optionalData(0).map(FlowJournalRows.steps) ?? [] }
  }

  /// Reads the task table.
  public func isTrueEverywhere(_ step: String, type: TaskType) async throws(TaskQueueError) -> Bool {
    let result = try await query(flowStatements.isTrueEverywhere(.text(type.rawValue), .text(step)))
    return try read { () throws(LibpqError) in try result[0].bool(0) }
  }

  public func purgeFlows(within limit: Duration) async throws(TaskQueueError) -> Int {
    let start = purgePosition.load(ordering: .relaxed)
    let result = try await query(flowStatements.purge(.int8(start), .int4(Int32(Limits.page))), within: limit)
    return try read { () throws(LibpqError) in
      let deleted = Int(try result[0].int8(0))
      // As many steps as one call deletes may leave others of the same tasks.
      if deleted < 10 * Limits.page { purgePosition.store(try result[0].optionalInt8(1) ?? .min, ordering: .relaxed) }
      return deleted
    }
  }
}

extension PostgresTaskStore {
  public func hold(_ claim: Claim, in transaction: LibpqTransaction) async throws(TaskQueueError) -> Bool {
    try await isHeld(flowStatements.hold(.int8(claim.id.rawValue), .int8(claim.token)), in: transaction)
  }

  public func record(
    _ step: FlowStep,
    by claim: Claim,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> Bool {
    let record = StepRecord(step: step, claim: claim, repeats: false)
    return try await isHeld(flowStatements.recordInTransaction([record].parameters), in: transaction)
  }

  public func emit(_ event: FlowEvent, in transaction: LibpqTransaction) async throws(TaskQueueError) -> Bool {
    let result = try await query(emission(event), in: transaction)
    return try read { () throws(LibpqError) in try result[0].bool(0) }
  }

  /// Learns the transaction's id besides, so that a COMMIT without an answer can be looked up.
  private func isHeld(
    _ statement: LibpqStatement,
    in transaction: LibpqTransaction
  ) async throws(TaskQueueError) -> Bool {
    let result = try await query(statement, in: transaction)
    let (isHeld, id) = try read { () throws(LibpqError) in (try result[0].bool(0), UInt64(try result[0].int8(1))) }
    transaction.transactionID = id
    return isHeld
  }
}
