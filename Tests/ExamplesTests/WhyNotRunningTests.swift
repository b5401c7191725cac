import Libpq
import TaskQueue
import TaskQueueTestKit
import Testing

@testable import WhyNotRunning

@Suite("Why isn't it running?")
struct WhyNotRunningTests {
  @Test("Every task that does not run has its reason", .database(migrated: false))
  func reasons() async throws {
    let database = try #require(TestDatabase.current)
    let answers = try await WhyNotRunning.run(database.postgresConfiguration)
    try #require(answers.count == 8)
    let causes = answers.map(\.explanation.cause)
    guard case .running(1, _, ["reports-1"], _) = causes[0] else { throw Unexpected(cause: causes[0]) }
    guard case .limited(_, 1, false, 1, 1, let holders) = causes[1] else { throw Unexpected(cause: causes[1]) }
    #expect(holders.map(\.task) == [answers[0].explanation.id])
    guard case .delayed = causes[2] else { throw Unexpected(cause: causes[2]) }
    guard case .queuePaused("closed", _) = causes[3] else { throw Unexpected(cause: causes[3]) }
    #expect(causes[4] == .noWorker("nightly"))
    #expect(causes[5] == .noWorkerForType("invoice.send", .default, workers: 1))
    guard case .dead(.failed, _, let error, _) = causes[6] else { throw Unexpected(cause: causes[6]) }
    #expect(error?.contains("NoData") == true)
    #expect(causes[7] == .unknown)
  }

  private struct Unexpected: Error {
    var cause: TaskExplanation.Cause
  }
}
