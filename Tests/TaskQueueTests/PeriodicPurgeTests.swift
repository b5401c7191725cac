@_spi(Store) import TaskQueue
import TaskQueueTestKit
import Testing

@Suite("The periodic purge")
struct PeriodicPurgeTests {
  private struct Away: Error {}

  @Test("Purges page by page until nothing is left, survives a failure, and does it again")
  func pages() async throws {
    let calls = Journal<Int>()
    let purge = PeriodicPurge(interval: .milliseconds(1), logger: quietLogger) {
      let count = calls.entries.count
      calls.append(count)
      if count == 0 { throw Away() }
      return count < 4 ? 1_000 : 0
    }
    try await withThrowingTaskGroup(of: Void.self) { group in
      group.addTask { try await purge.run() }
      try await eventually("it has purged twice") { calls.entries.count >= 7 }
      group.cancelAll()
      try await group.waitForAll()
    }
    let count = calls.entries.count
    #expect(calls.entries == Array(0..<count))
  }
}
