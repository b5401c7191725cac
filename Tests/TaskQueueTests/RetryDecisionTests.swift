import Foundation
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing

private struct TooManyRequests: Error {}
private struct Declined: Error {}

private struct AskAgain: Error, TaskOutcomeError {
  var taskOutcome: TaskOutcome? { .again(after: .seconds(77)) }
}

private struct NoOpinion: Error, TaskOutcomeError {
  var taskOutcome: TaskOutcome? { nil }
}

@Suite("A retry may depend on the error")
struct RetryDecisionTests {
  private let time = ManualTime()

  /// The task after one attempt that threw; nil: it is dead.
  private func afterOne(
    _ options: TaskHandlerOptions = .init(),
    throwing error: any Error
  ) async throws -> (task: TaskSnapshot?, dead: DeadLetter?) {
    let time = time
    let store = InMemoryTaskStore(now: { time.now })
    let client = TaskClient(store: store)
    let id = try await client.enqueue(Ping()).id
    try await withWorker(store) { handlers in
      try handlers.register(Ping.self, options: options) { _, _ in throw error }
    } _: { _ in
      try await eventually("the attempt is settled") { try await client.task(id)?.state != .due }
      try await eventually("its outcome is recorded") { try await client.task(id)?.state != .running }
    }
    return (try await client.task(id), try await client.deadLetters().first)
  }

  private func wait(_ task: TaskSnapshot?) -> TimeInterval? { task?.dueAt.timeIntervalSince(time.now) }

  @Test("S6 An error's own wait goes before the policy's, and it is a failure")
  func retryAfter() async throws {
    let (task, _) = try await afterOne(throwing: RetryAfter(.seconds(30), because: TooManyRequests()))
    #expect(wait(task) == 30)
    #expect(task?.failures == 1)
    #expect(task?.errors.first?.errorType.hasSuffix("TooManyRequests") == true)
    let (limited, _) = try await afterOne(throwing: EffectFailure.temporary("429", retryAfter: .seconds(12)))
    #expect((wait(limited), limited?.failures) == (12, 1))
  }

  @Test("S6 Error types that no retry can mend make a dead letter at once")
  func neverRetry() async throws {
    let options = TaskHandlerOptions(neverRetry: [Declined.self])
    let (task, dead) = try await afterOne(options, throwing: Declined())
    #expect(task == nil)
    #expect((dead?.reason, dead?.failures, dead?.errors.count) == (.failed, 1, 1))
    #expect(wait(try await afterOne(options, throwing: TooManyRequests()).task) == 60)
  }

  @Test("S6 The handler's decision sees error, counts and the policy's wait")
  func decision() async throws {
    let seen = Journal<FailedAttempt>()
    let options = TaskHandlerOptions(onFailure: { failed in
      seen.append(failed)
      return failed.error is Declined ? .never : failed.error is TooManyRequests ? .after(.seconds(5)) : .byPolicy
    })
    #expect(wait(try await afterOne(options, throwing: TooManyRequests()).task) == 5)
    #expect(wait(try await afterOne(options, throwing: HandlerFailure()).task) == 60)
    #expect(try await afterOne(options, throwing: Declined()).dead?.reason == .failed)
    #expect(seen.entries.map(\.attempt) == [1, 1, 1])
    #expect(seen.entries.map(\.failures) == [1, 1, 1])
    #expect(seen.entries.map(\.delay) == [.seconds(60), .seconds(60), .seconds(60)])
  }

  @Test("S6 A wait out of bounds is kept within them", arguments: [Duration.seconds(-5), .seconds(1e18)])
  func bounds(delay: Duration) async throws {
    let (task, _) = try await afterOne(throwing: RetryAfter(delay, because: TooManyRequests()))
    let seconds = try #require(self.wait(task))
    #expect((0...(Limits.delay / .seconds(1))).contains(seconds))
  }

  @Test("S6 An error that says its outcome is honoured in a plain handler")
  func outcomeError() async throws {
    let (task, _) = try await afterOne(throwing: AskAgain())
    #expect((wait(task), task?.failures) == (77, 0))
    #expect(try await afterOne(throwing: NoOpinion()).task?.failures == 1)
    let (_, dead) = try await afterOne(throwing: EffectFailure.permanent("card_declined"))
    #expect(dead?.reason == .discarded)
  }
}
