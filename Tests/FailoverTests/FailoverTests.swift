import EmbeddedPostgres
import Foundation
import TaskQueue
import Testing

/// How many tasks each test has: few by default, `TASKQUEUE_FAILOVER_TASKS` of the environment for the long form.
private let taskCount = ProcessInfo.processInfo.environment["TASKQUEUE_FAILOVER_TASKS"].flatMap { Int64($0) } ?? 2_000

@Suite("Failover to a standby", .serialized)
struct FailoverTests {
  /// What happens to the primary, which is listed first. Frozen: its connections stay open, and new ones are accepted by the system.
  enum Fault: CaseIterable, Sendable {
    case killed, frozen
  }

  /// From the promotion's end until the first new row.
  private static let maxInterruption = Duration.seconds(10)

  @Test("S27 With a synchronous standby nothing is lost or doubled, and work goes on soon", arguments: Fault.allCases)
  func synchronous(_ fault: Fault) async throws {
    try await ServerPair.with(isSynchronous: true) { pair in
      let app = try FailoverApp(pair.connection)
      // One half is there before, the other half arrives meanwhile.
      try await app.enqueueAtOnce(1...taskCount / 2)
      try await app.withWorker(enqueueing: taskCount / 2 + 1...taskCount) {
        try await eventually("a quarter is done") {
          try await pair.entryCount(on: pair.primary) >= Int(taskCount) / 4
        }
        switch fault {
        case .killed: pair.primary.kill()
        case .frozen: pair.primary.pause()
        }
        try await promote(pair)
        try await eventually("all tasks are done") {
          let count = try await pair.entryCount(on: pair.standby)
          return try await pair.openTaskCount(on: pair.standby) == 0 && count >= Int(taskCount)
        }
      }
      let entries = try await pair.entries(on: pair.standby)
      #expect(entries.count == Int(taskCount))
      #expect(Set(entries.map(\.number)) == Set(1...taskCount))
      // Not one commit that was reported as done is missing.
      #expect(Set(app.acknowledged).subtracting(entries).isEmpty)
    }
  }

  @Test(
    "S27 An asynchronous standby loses commits: their tasks run again or never were, and nothing else is lost or doubled"
  )
  func asynchronous() async throws {
    try await ServerPair.with(isSynchronous: false) { pair in
      let app = try FailoverApp(pair.connection)
      try await app.enqueueAtOnce(1...taskCount)
      try await pair.waitForStandby()
      let late = taskCount + 1...taskCount + 100
      try await app.withWorker {
        try await eventually("a quarter is done") {
          try await pair.entryCount(on: pair.primary) >= Int(taskCount) / 4
        }
        try await pair.disconnect()
        // Acknowledged, and lost.
        try await app.enqueueAtOnce(late)
        let target = try await pair.entryCount(on: pair.primary) + Int(taskCount) / 10
        try await eventually("commits are lost") { try await pair.entryCount(on: pair.primary) >= target }
        let acknowledged = app.acknowledged
        pair.primary.kill()
        let kept = Set(try await pair.entries(on: pair.standby))
        try await promote(pair)
        try await eventually("all tasks that the standby knows are done") {
          try await pair.openTaskCount(on: pair.standby) == 0
        }

        let entries = try await pair.entries(on: pair.standby)
        // Every task that the new primary knew is done once. The late ones it never heard of.
        #expect(entries.count == Int(taskCount))
        #expect(Set(entries.map(\.number)) == Set(1...taskCount))
        // No commit that it had received is lost.
        #expect(kept.isSubset(of: entries))
        // What is lost are commits that were reported as done. Their tasks ran again, as other attempts, unless they are lost too.
        let lost = Set(acknowledged).subtracting(kept)
        #expect(!lost.isEmpty)
        #expect(lost.isDisjoint(with: entries))
        let repeated = Set(lost.map(\.number)).subtracting(late)
        #expect(repeated.isSubset(of: Set(app.acknowledged.filter { !lost.contains($0) }.map(\.number))))
      }
    }
  }

  /// Promotes the standby, and waits for the first new row.
  private func promote(_ pair: ServerPair) async throws {
    let before = try await pair.entryCount(on: pair.standby)
    try await pair.standby.promote()
    let promoted = ContinuousClock.now
    try await eventually("work goes on", within: Self.maxInterruption) {
      try await pair.entryCount(on: pair.standby) > before
    }
    print("The first new row came \(ContinuousClock.now - promoted) after the promotion.")
  }
}
