import Foundation
import Synchronization
import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing

@Suite("Schedules of a worker")
struct ScheduleWorkerTests {
  private struct Report: TaskPayload {
    static let taskType: TaskType = "report"
    static let taskDefaults = TaskDefaults<Self>(queue: "reports", priority: 5, unique: { _ in UniqueKey("one") })
    var region = "EU"
  }

  @Test("A night after the other comes when the time is moved there, and the handler knows which")
  func nights() async throws {
    let time = ManualTime(startingAt: try Date("2026-03-27T12:00:00Z", strategy: .iso8601))
    let store = InMemoryTaskStore(now: { time.now })
    let client = TaskClient(store: store)
    let nights = Mutex<[String]>([])
    var handlers = TaskHandlers()
    try handlers.register(Report.self) { _, context in
      nights.withLock { $0.append(context.scheduledSlot?.instant.formatted(.iso8601) ?? "none") }
      return .completed
    }
    var schedules = TaskSchedules()
    try schedules.add("nightly", .cron("0 3 * * *", timeZone: "Europe/Berlin"), Report())
    var configuration = TaskWorkerConfiguration()
    configuration.queues = ["reports"]
    let worker = try TaskWorker(
      store: store,
      handlers: handlers,
      schedules: schedules,
      configuration: configuration,
      clock: time.clock
    )
    // Clocks go forward in the second night.
    let expected = ["2026-03-28T02:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T01:00:00Z"]
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      for (index, night) in expected.enumerated() {
        try await eventually("it is planned") {
          time.advance(by: .milliseconds(1))
          return try await client.schedules.get("nightly")?.nextSlot?.formatted(.iso8601) == night
        }
        let slot = try #require(try await client.schedules.get("nightly")?.nextSlot)
        time.advance(by: .seconds(slot.timeIntervalSince(time.now)))
        try await eventually("it runs") {
          time.advance(by: .milliseconds(1))
          return nights.withLock { $0.count } > index
        }
      }
      worker.shutDown()
    }
    #expect(nights.withLock { $0 } == expected)
  }

  @Test("Declarations and changes are checked before anything is stored")
  func checks() async throws {
    var schedules = TaskSchedules()
    let rule = try ScheduleRule.cron("@daily")
    try schedules.add("a", rule, Report())
    func code(_ body: () throws -> Void) -> TaskQueueError.Code? {
      do { try body() } catch { return (error as? TaskQueueError)?.code }
      return nil
    }
    #expect(code { try schedules.add("a", rule, Report()) } == .invalidConfiguration)
    #expect(code { try schedules.add("", rule, Report()) } == .invalidName)
    #expect(code { try schedules.add("b\n", rule, Report()) } == .invalidName)
    for change: (inout ScheduleOptions) -> Void in [
      { $0.task.schedule = .after(.seconds(1)) }, { $0.task.unique = UniqueKey("a") }, { $0.task.deadline = Date() },
      { $0.jitter = .milliseconds(1_500) }, { $0.jitter = .seconds(90_000) }, { $0.catchUp = .all(atMost: 1_001) },
      { $0.overlap = .init(rawValue: "x") }, { $0.task.priority = 40_000 },
    ] {
      #expect(code { try schedules.add("b", rule, Report(), options: .with(change)) } == .invalidOption)
    }
    let client = TaskClient(store: InMemoryTaskStore())
    try await client.schedules.set("a", rule, Report())
    var error = await #expect(throws: TaskQueueError.self) {
      try await client.schedules.change("a") { $0.rule = "0 0 31 2 *" }
    }
    #expect(error?.code == .invalidOption && error?.message.contains("day of month") == true)
    for name in ["pause", "resume", "runNow", "change", "reset"] {
      error = await #expect(throws: TaskQueueError.self) {
        switch name {
        case "pause": try await client.schedules.pause("b")
        case "resume": try await client.schedules.resume("b")
        case "runNow": try await client.schedules.runNow("b")
        case "change": try await client.schedules.change("b") { _ in }
        default: try await client.schedules.reset("a")
        }
      }
      #expect(error?.code == .unknownSchedule, "\(name)")
    }
    let start = try Date("2026-01-01T00:00:00Z", strategy: .iso8601)
    let days = try await client.schedules.backfill("a", start..<start.addingTimeInterval(3 * 86_400))
    #expect(days.map(\.isNew) == [true, true, true])
    error = await #expect(throws: TaskQueueError.self) {
      try await client.schedules.backfill("a", start..<start.addingTimeInterval(2_000 * 86_400))
    }
    #expect(error?.code == .invalidOption)
    #expect(try await client.schedules.list().map { $0.description() } == ["every day at 00:00 (UTC)"])
  }
}
