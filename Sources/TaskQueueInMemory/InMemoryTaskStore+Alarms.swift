@_spi(Store) public import TaskQueue

@_spi(Store) extension InMemoryTaskStore: AlarmSource {
  public func setAlarmRules(_ rules: [AlarmRule]) async throws(TaskQueueError) {
    for rule in rules { try rule.validate() }
    mutate { state, _ in
      for rule in rules { state.alarmRules[rule.type] = rule.finalWithin }
    }
  }

  public func removeAlarmRule(for type: TaskType) async throws(TaskQueueError) -> Bool {
    mutate { state, _ in state.alarmRules.removeValue(forKey: type) != nil }
  }

  public func alarmRules() async throws(TaskQueueError) -> [AlarmRule] {
    mutate { state, _ in
      state.alarmRules.sorted { $0.key.rawValue < $1.key.rawValue }.map { AlarmRule($0, finalWithin: $1) }
    }
  }

  /// Looks at every task.
  public func alarms(
    after id: TaskID?,
    page: Int,
    limit: Int,
    unknownAfter: Duration
  ) async throws(TaskQueueError) -> AlarmPage {
    mutate { state, now in
      let limit = max(1, min(limit, Limits.page))
      var alarms = state.overdue(after: id, page: max(1, page), limit: limit, now: now)
      alarms.dead = state.overdueDead(limit: limit, now: now)
      alarms.effects = state.effectAlarms(unknownAfter: unknownAfter, now: now)
      return alarms
    }
  }
}
