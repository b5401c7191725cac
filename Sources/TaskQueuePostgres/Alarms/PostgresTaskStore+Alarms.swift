import Libpq
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: AlarmSource {
  public func setAlarmRules(_ rules: [AlarmRule]) async throws(TaskQueueError) {
    guard !rules.isEmpty else { return }
    for rule in rules { try rule.validate() }
    _ = try await query(
      effectStatements.setRules(.textArray(rules.map(\.type.rawValue)), .intervalArray(rules.map(\.finalWithin)))
    )
  }

  public func removeAlarmRule(for type: TaskType) async throws(TaskQueueError) -> Bool {
    try await query(effectStatements.removeRule(.text(type.rawValue))).affectedRows > 0
  }

  public func alarmRules() async throws(TaskQueueError) -> [AlarmRule] {
    let result = try await query(effectStatements.rules())
    return try read { () throws(LibpqError) in
      try result.rows.map { row throws(LibpqError) in
        AlarmRule(TaskType(try row.text(0)), finalWithin: .stored(seconds: try row.float8(1)))
      }
    }
  }

  /// Live tasks are read by primary key, dead letters by type, effects by the index of the unsettled ones.
  ///
  /// A task's id says how old it is, near enough: the walk ends at the first page whose oldest task is younger than the shortest
  /// deadline. One stored late under an old id, by a long transaction, is found at the latest when its neighbours are due.
  public func alarms(
    after id: TaskID?,
    page: Int,
    limit: Int,
    unknownAfter: Duration
  ) async throws(TaskQueueError) -> AlarmPage {
    let limit = Int64(max(1, min(limit, Limits.page)))
    let statements = [
      effectStatements.overduePage(.int8(id?.rawValue ?? 0), .int8(Int64(max(1, page))), .int8(limit)),
      effectStatements.overdueDead(.int8(limit)),
      effectStatements.unsettledCounts(.interval(unknownAfter), .int8(Int64(Limits.page))),
    ]
    let results: [LibpqResult]
    do { results = try await isolation.send(statements, through: pool) } catch { throw TaskQueueError(error, .safe) }
    return try read { () throws(LibpqError) in
      var alarms = AlarmPage(overdue: [], counts: [:], next: nil, dead: [], effects: [])
      for row in results[0].rows {
        if try !row.bool(1) { alarms.next = try row.optionalInt8(0).map { TaskID($0) } }
        guard try !row.isNull(2) else { continue }
        let task = try Self.overdueTask(row, at: 2, isDead: false)
        alarms.overdue.append(task)
        alarms.counts[task.type] = Int(try row.int8(7))
      }
      for row in results[1].rows { alarms.dead.append(try Self.overdueTask(row, at: 0, isDead: true)) }
      for row in results[2].rows {
        alarms.effects.append(
          EffectAlarm(
            type: TaskType(try row.text(0)),
            kind: EffectAlarm.Kind(rawValue: try row.text(1)),
            count: Int(try row.int8(2)),
            oldest: .stored(seconds: try row.float8(3))
          )
        )
      }
      return alarms
    }
  }

  private static func overdueTask(
    _ row: LibpqRow,
    at column: Int,
    isDead: Bool
  ) throws(LibpqError) -> OverdueTask {
    OverdueTask(
      id: TaskID(try row.int8(column)),
      queue: QueueName(try row.text(column + 1)),
      type: TaskType(try row.text(column + 2)),
      createdAt: try row.timestamptz(column + 3),
      overdueBy: .stored(seconds: try row.float8(column + 4)),
      isDead: isDead
    )
  }
}
