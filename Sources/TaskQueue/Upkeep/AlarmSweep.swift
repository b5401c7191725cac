/// Puts the pages of one walk over the live tasks together. Pure.
struct AlarmSweep {
  private let limit: Int
  private(set) var position: TaskID?
  private var overdue: [TaskType: [OverdueTask]] = [:]
  private var counts: [TaskType: Int] = [:]

  init(limit: Int) { self.limit = limit }

  /// - Returns: the report if the walk is complete; the next one begins at the front.
  mutating func add(_ page: AlarmPage) -> AlarmReport? {
    for task in page.overdue where overdue[task.type, default: []].count < limit {
      overdue[task.type, default: []].append(task)
    }
    counts.merge(page.counts, uniquingKeysWith: +)
    position = page.next
    guard page.next == nil else { return nil }
    var all = counts
    for task in page.dead { all[task.type, default: 0] += 1 }
    let live = overdue.values.flatMap { $0 }.sorted { $0.id < $1.id }
    let report = AlarmReport(overdue: live + page.dead, overdueCounts: all, effects: page.effects)
    self = AlarmSweep(limit: limit)
    return report
  }
}
