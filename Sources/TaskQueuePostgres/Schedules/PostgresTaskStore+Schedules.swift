import Libpq
@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

@_spi(Store) extension PostgresTaskStore: ScheduleStore {
  /// One pipeline: one round trip, one commit. The look sees what the firings have changed.
  public func fire(
    _ firings: [ScheduleFiring],
    look limit: Int,
    within duration: Duration
  ) async throws(TaskQueueError) -> ScheduleLook {
    var pipeline: [LibpqStatement] = []
    if !firings.isEmpty { pipeline.append(firingStatement(firings)) }
    pipeline.append(scheduleStatements.due(.int4(Int32(clamping: limit))))
    let results: [LibpqResult]
    do { results = try await isolation.send(pipeline, through: enginePool, within: duration) } catch {
      throw TaskQueueError(error, .safe)
    }
    return try read { () throws(LibpqError) in
      let rows = results[results.count - 1].rows
      var look = ScheduleLook(
        firedCount: firings.isEmpty ? 0 : Int(try results[0][0].int4(0)),
        due: [],
        nextDueIn: nil,
        storeTime: .distantPast,
        hasAny: false
      )
      for row in rows {
        guard let name = try row.optionalText(0) else {
          look.storeTime = try row.timestamptz(7)
          look.nextDueIn = try row.optionalFloat8(8).map { .stored(seconds: $0) }
          look.hasAny = try row.bool(9)
          continue
        }
        look.due.append(
          DueSchedule(
            name: name,
            revision: Int(try row.int4(1)),
            rule: try row.optionalText(2) ?? "",
            timeZone: try row.text(3),
            catchUp: Int(try row.int4(4)),
            jitter: .seconds(Int64(try row.float8(5))),
            slot: try row.optionalTimestamptz(6)
          )
        )
      }
      return look
    }
  }

  private func firingStatement(_ firings: [ScheduleFiring]) -> LibpqStatement {
    let tasks = firings.flatMap { firing in firing.slots.map { (firing.name, $0) } }
    return scheduleStatements.fire([
      .textArray(firings.map(\.name)), .int4Array(firings.map { Int32(clamping: $0.revision) }),
      .timestamptzArray(firings.map(\.seenSlot)), .timestamptzArray(firings.map(\.nextSlot)),
      .timestamptzArray(firings.map(\.nextAt)), .textArray(firings.map(\.problem)),
      .textArray(tasks.map(\.0)), .timestamptzArray(tasks.map(\.1)), .bool(configuration.wakesUp),
    ])
  }

  public func putSchedules(
    _ schedules: [(name: String, definition: ScheduleDefinition)],
    asDeclared: Bool,
    within limit: Duration?
  ) async throws(TaskQueueError) {
    guard !schedules.isEmpty else { return }
    let statement = try putStatement(schedules, asDeclared: asDeclared)
    if let limit {
      _ = try await query(statement, within: limit)
    } else {
      _ = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    }
  }

  func putStatement(
    _ schedules: [(name: String, definition: ScheduleDefinition)],
    asDeclared: Bool
  ) throws(TaskQueueError) -> LibpqStatement {
    let encoder = JSONEncoder()
    let definitions: [Data]
    do { definitions = try schedules.map { try encoder.encode($0.definition) } } catch {
      throw TaskQueueError(.encodingFailed, "A schedule's definition could not be encoded.", underlying: error)
    }
    return scheduleStatements.put(
      .textArray(schedules.map(\.name)),
      .jsonArray(definitions),
      .jsonArray(schedules.map(\.definition.payload)),
      .bool(asDeclared)
    )
  }

  public func schedule(_ name: String) async throws(TaskQueueError) -> TaskSchedule? {
    try schedules(try await query(scheduleStatements.one(.text(name)))).first
  }

  public func schedules(after name: String?, limit: Int) async throws(TaskQueueError) -> [TaskSchedule] {
    let limit = Int32(max(0, min(limit, Limits.page)))
    return try schedules(try await query(scheduleStatements.list(.text(name ?? ""), .int4(limit))))
  }

  private func schedules(_ result: LibpqResult) throws(TaskQueueError) -> [TaskSchedule] {
    let decoder = JSONDecoder()
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        func definition(at column: Int) throws(LibpqError) -> ScheduleDefinition? {
          guard let data = try row.optionalData(column) else { return nil }
          guard var definition = try? decoder.decode(ScheduleDefinition.self, from: data) else { return nil }
          definition.payload = try row.data(column + 1)
          return definition
        }
        let isPaused = try row.bool(6)
        guard let found = try definition(at: 1) else {
          throw LibpqError(.decoding, "The definition of the schedule \(try row.text(0)) cannot be read.")
        }
        return TaskSchedule(
          name: try row.text(0),
          definition: found,
          declared: try definition(at: 3),
          isChanged: try row.bool(5),
          isPaused: isPaused,
          nextSlot: isPaused ? nil : try row.optionalTimestamptz(7),
          lastSlot: try row.optionalTimestamptz(8),
          lastTask: try row.optionalInt8(9).map { TaskID($0) },
          problem: try row.optionalText(10)
        )
      }
    }
  }

  public func pauseSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    try await found(scheduleStatements.pause(.text(name)))
  }

  public func resumeSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    try await found(scheduleStatements.resume(.text(name)))
  }

  public func resetSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    try await found(scheduleStatements.reset(.text(name)))
  }

  public func removeSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    try await found(scheduleStatements.remove(.text(name)))
  }

  private func found(_ statement: LibpqStatement) async throws(TaskQueueError) -> Bool {
    let result = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    return try read { () throws(LibpqError) in try result[0].bool(0) }
  }

  public func runSchedule(_ name: String) async throws(TaskQueueError) -> EnqueueResult? {
    let statement = runStatement(name)
    let result = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement, .unsafe) }
    return try EnqueueResult.results(result, count: result.rowCount).first
  }

  public func backfillSchedule(_ name: String, slots: [Date]) async throws(TaskQueueError) -> [EnqueueResult] {
    let statement = backfillStatement(name, slots: slots)
    let result = try await tryingAgain { () async throws(TaskQueueError) in try await query(statement) }
    return try EnqueueResult.results(result, count: result.rowCount)
  }

  func runStatement(_ name: String) -> LibpqStatement {
    scheduleStatements.run(.text(name), .bool(configuration.wakesUp))
  }

  func backfillStatement(_ name: String, slots: [Date]) -> LibpqStatement {
    scheduleStatements.tasks(.text(name), .timestamptzArray(slots), .bool(configuration.wakesUp))
  }
}
