import Foundation
import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing
import WorkerTestSupport

@Suite("The alarm monitor")
struct AlarmMonitorTests {
  /// Hands out pages in turn; the first look fails.
  private final class Pages: AlarmSource {
    private let state: Mutex<(pages: [AlarmPage], rules: [AlarmRule], positions: [TaskID?], hasFailed: Bool)>

    init(_ pages: [AlarmPage]) { state = Mutex((pages, [], [], false)) }

    var rules: [AlarmRule] { state.withLock { $0.rules } }
    var positions: [TaskID?] { state.withLock { $0.positions } }

    func setAlarmRules(_ rules: [AlarmRule]) async throws(TaskQueueError) { state.withLock { $0.rules += rules } }
    func removeAlarmRule(for type: TaskType) async throws(TaskQueueError) -> Bool { false }
    func alarmRules() async throws(TaskQueueError) -> [AlarmRule] { rules }

    func alarms(
      after id: TaskID?,
      page: Int,
      limit: Int,
      unknownAfter: Duration
    ) async throws(TaskQueueError) -> AlarmPage {
      let page: AlarmPage? = state.withLock { state in
        guard state.hasFailed else {
          state.hasFailed = true
          return nil
        }
        state.positions.append(id)
        let page = state.pages.removeFirst()
        state.pages.append(page)
        return page
      }
      guard let page else { throw TaskQueueError(.storeFailed, "away", isRetrySafe: true) }
      return page
    }
  }

  private func task(_ id: Int64, _ type: TaskType = "a", isDead: Bool = false) -> OverdueTask {
    OverdueTask(
      id: TaskID(id),
      queue: .default,
      type: type,
      createdAt: Date(timeIntervalSince1970: 0),
      overdueBy: .seconds(1),
      isDead: isDead
    )
  }

  @Test("Puts the pages of one walk together, survives a failing store, and begins again")
  func walks() async throws {
    let unknown = EffectAlarm(type: "a", kind: .unknown, count: 2, oldest: .seconds(9))
    let source = Pages([
      AlarmPage(overdue: [task(1), task(2)], counts: ["a": 40], next: TaskID(10), dead: [], effects: []),
      AlarmPage(
        overdue: [task(11), task(12, "b")],
        counts: ["a": 2, "b": 1],
        next: nil,
        dead: [task(3, isDead: true)],
        effects: [unknown]
      ),
    ])
    var configuration = AlarmMonitorConfiguration(rules: [AlarmRule("a", finalWithin: .seconds(60))])
    configuration.interval = .milliseconds(1)
    configuration.reportLimit = 2
    let reports = Journal<AlarmReport>()
    let monitor = try AlarmMonitor(source: source, configuration: configuration, logger: quietLogger) {
      reports.append($0)
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await monitor.run() }
      try await eventually("there are two reports") { reports.entries.count >= 2 }
      group.cancelAll()
      try await group.waitForAll()
    }
    for report in reports.entries.prefix(2) {
      #expect(report.overdue.map(\.id.rawValue) == [1, 2, 12, 3])
      #expect(report.overdueCounts == ["a": 43, "b": 1])
      #expect(report.effects == [unknown])
      #expect(!report.isEmpty)
    }
    #expect(source.rules == configuration.rules)
    #expect(source.positions.prefix(4) == [nil, TaskID(10), nil, TaskID(10)])
  }

  @Test("Configurations that make no sense are refused")
  func refusals() {
    let changes: [@Sendable (inout AlarmMonitorConfiguration) -> Void] = [
      { $0.interval = .zero }, { $0.unknownAfter = .seconds(-1) }, { $0.pageSize = 0 }, { $0.reportLimit = 1_001 },
      { $0.rules = [.init("a", finalWithin: .zero)] }, { $0.rules = [.init("", finalWithin: .seconds(1))] },
      { $0.rules = [.init("a", finalWithin: .seconds(1)), .init("a", finalWithin: .seconds(2))] },
    ]
    for change in changes {
      var configuration = AlarmMonitorConfiguration()
      change(&configuration)
      #expect(throws: TaskQueueError.self) { try configuration.validate() }
    }
  }
}
