@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension InMemoryState {
  /// The overdue ones among `page` live tasks by ascending id.
  func overdue(after id: TaskID?, page: Int, limit: Int, now: Date) -> AlarmPage {
    let looked =
      tasks.values
      .filter { task in (id.map { task.id > $0 } ?? true) && task.state(now: now) != .finished }
      .sorted { $0.id < $1.id }
      .prefix(page)
    var alarms = AlarmPage(overdue: [], counts: [:], next: nil, dead: [], effects: [])
    for task in looked {
      guard let overdue = overdue(task, isDead: false, now: now) else { continue }
      alarms.counts[task.type, default: 0] += 1
      if alarms.counts[task.type, default: 0] <= limit { alarms.overdue.append(overdue) }
    }
    // Ids grow with the time of creation: behind a page of young tasks none is overdue.
    if looked.count == page, let oldest = looked.map(\.createdAt).min(), let shortest = alarmRules.values.min(),
      oldest.adding(shortest) <= now
    {
      alarms.next = looked.last?.id
    }
    return alarms
  }

  /// Overdue dead letters that were not cancelled, at most `limit` per type.
  func overdueDead(limit: Int, now: Date) -> [OverdueTask] {
    var counts: [TaskType: Int] = [:]
    return dead.values
      .filter { $0.reason != .cancelled }
      .sorted { $0.task.id < $1.task.id }
      .compactMap { overdue($0.task, isDead: true, now: now) }
      .filter { task in
        counts[task.type, default: 0] += 1
        return counts[task.type, default: 0] <= limit
      }
  }

  private func overdue(_ task: InMemoryTask, isDead: Bool, now: Date) -> OverdueTask? {
    guard let finalWithin = alarmRules[task.type] else { return nil }
    let overdueBy = Duration.seconds(now.timeIntervalSince(task.createdAt)) - finalWithin
    guard overdueBy > .zero else { return nil }
    return OverdueTask(
      id: task.id,
      queue: task.queue,
      type: task.type,
      createdAt: task.createdAt,
      overdueBy: overdueBy,
      isDead: isDead
    )
  }

  /// By type and kind; the oldest ``Limits/page`` of the unsettled ones, and as many contradicted ones.
  func effectAlarms(unknownAfter: Duration, now: Date) -> [EffectAlarm] {
    let unsettled = effects.rows.values.filter { !$0.isSettled }.sorted { $0.intendedAt < $1.intendedAt }
    let contradicted = effects.rows.values.filter(\.isContradicted).sorted { $0.changedAt < $1.changedAt }
    var ages: [EffectAlarm.ID: [Duration]] = [:]
    for row in unsettled.prefix(Limits.page) where row.state == .parked || row.intendedAt.adding(unknownAfter) <= now {
      ages[.init(type: row.taskType, kind: row.state == .parked ? .parked : .unknown), default: []]
        .append(.seconds(now.timeIntervalSince(row.intendedAt)))
    }
    for row in contradicted.prefix(Limits.page) {
      ages[.init(type: row.taskType, kind: .contradicted), default: []]
        .append(.seconds(now.timeIntervalSince(row.changedAt)))
    }
    return
      ages
      .map { EffectAlarm(type: $0.type, kind: $0.kind, count: $1.count, oldest: $1.max() ?? .zero) }
      .sorted { ($0.type.rawValue, $0.kind.rawValue) < ($1.type.rawValue, $1.kind.rawValue) }
  }
}

extension EffectAlarm {
  fileprivate struct ID: Hashable {
    var type: TaskType
    var kind: Kind
  }
}
