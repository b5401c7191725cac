/// One look at a page of live tasks and at all effects.
@_spi(Store) public struct AlarmPage: Sendable {
  /// Overdue tasks of this page, by ascending id; at most `limit` per type.
  public var overdue: [OverdueTask]
  /// How many the page has of each type.
  public var counts: [TaskType: Int]
  /// Where the next page begins; nil: no live task behind this page can be overdue.
  public var next: TaskID?
  /// Overdue dead letters (not cancelled ones), at most `limit` per type.
  public var dead: [OverdueTask]
  public var effects: [EffectAlarm]

  public init(
    overdue: [OverdueTask],
    counts: [TaskType: Int],
    next: TaskID?,
    dead: [OverdueTask],
    effects: [EffectAlarm]
  ) {
    self.overdue = overdue
    self.counts = counts
    self.next = next
    self.dead = dead
    self.effects = effects
  }
}

/// What a store knows about what takes too long.
@_spi(Store) public protocol AlarmSource: Sendable {
  /// Adds these rules or changes those of their types; others stay. An empty array is a no-op.
  func setAlarmRules(_ rules: [AlarmRule]) async throws(TaskQueueError)
  /// - Returns: whether there was one.
  func removeAlarmRule(for type: TaskType) async throws(TaskQueueError) -> Bool
  /// By type.
  func alarmRules() async throws(TaskQueueError) -> [AlarmRule]

  /// Looks at `page` live tasks by ascending id, and at the effects. One round trip; its cost is bounded by `page` and `limit`,
  /// not by the table.
  func alarms(
    after id: TaskID?,
    page: Int,
    limit: Int,
    unknownAfter: Duration
  ) async throws(TaskQueueError) -> AlarmPage
}

extension StoreContract {
  func alarmSource() throws(TaskQueueError) -> any AlarmSource {
    guard let source = self as? any AlarmSource else {
      throw TaskQueueError(
        .invalidConfiguration,
        "This store has no alarms; use one that does, such as PostgresTaskStore."
      )
    }
    return source
  }
}
