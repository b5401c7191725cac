import EmbeddedPostgres
import Foundation
import Libpq
import Synchronization
import TaskQueue
import TaskQueuePostgres

/// What is made every night: a report on the day before.
struct Report: TaskPayload {
  static let taskType: TaskType = "report"
  var region: String
}

/// The reports that are there: by the night for which they were made, not by when that happened.
final class Reports: Sendable {
  private let all = Mutex<[ScheduledSlot: String]>([:])
  var made: [ScheduledSlot: String] { all.withLock { $0 } }
  func file(_ region: String, for slot: ScheduledSlot) { all.withLock { $0[slot] = region } }
}

@main
struct NightlyReport {
  static func main() async throws {
    // A connection string as the only argument; without one a private database that is gone afterwards.
    let server = CommandLine.arguments.count > 1 ? nil : try await EmbeddedPostgres.start()
    let reports = try await run(LibpqConfiguration(server?.connectionString ?? CommandLine.arguments[1]))
    for slot in reports.made.keys.sorted(by: { $0.instant < $1.instant }) {
      print("\(slot.schedule), the night of \(slot.instant.formatted(.iso8601)): filed")
    }
    await server?.stop()
  }

  /// Every night at 3, in Berlin. Any number of workers may declare it: a night has one task.
  static func schedules() throws -> TaskSchedules {
    var schedules = TaskSchedules()
    let nightly = try ScheduleRule.cron("0 3 * * *", timeZone: "Europe/Berlin")
    try schedules.add("nightly", nightly, Report(region: "EU"), options: .with { $0.overlap = .skip })
    return schedules
  }

  /// Declares it, looks at it, and makes the reports of three nights of the past.
  static func run(_ database: LibpqConfiguration) async throws -> Reports {
    try await Migrator(configuration: database).migrate()
    let store = try PostgresTaskStore(.init(database))
    let client = TaskClient(store: store)
    let reports = Reports()
    var handlers = TaskHandlers()
    try handlers.register(Report.self) { report, context in
      if let slot = context.scheduledSlot { reports.file(report.region, for: slot) }
      return .completed
    }
    let worker = try TaskWorker(store: store, handlers: handlers, schedules: schedules())
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await worker.run() }
      while try await client.schedules.get("nightly")?.nextSlot == nil { try await Task.sleep(for: .milliseconds(20)) }
      for schedule in try await client.schedules.list() { print("\(schedule.name): \(schedule.description())") }
      let now = Date()
      try await client.schedules.backfill("nightly", now.addingTimeInterval(-3 * 86_400)..<now)
      while reports.made.count < 3 { try await Task.sleep(for: .milliseconds(20)) }
      worker.shutDown()
    }
    await store.close()
    return reports
  }
}
