import Foundation
@_spi(Store) import TaskQueue
import TaskQueueInMemory
import TaskQueueTestKit
import Testing
import WorkerTestSupport

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
  /// What one attempt that throws leaves behind.
  private func attempt(
    _ options: TaskHandlerOptions = .init(),
    throwing error: any Error
  ) async throws -> TestedAttempt {
    var handlers = TaskHandlers()
    try handlers.register(Ping.self, options: options) { _, _ in throw error }
    return try await handlers.runOnce(Ping())
  }

  @Test("S6 An error's own wait goes before the policy's, and it is a failure")
  func retryAfter() async throws {
    let refused = try await attempt(throwing: RetryAfter(.seconds(30), because: TooManyRequests()))
    #expect((refused.dueIn, refused.failures) == (.seconds(30), 1))
    #expect(refused.task?.errors.first?.errorType.hasSuffix("TooManyRequests") == true)
    let limited = try await attempt(throwing: EffectFailure.temporary("429", retryAfter: .seconds(12)))
    #expect((limited.dueIn, limited.failures) == (.seconds(12), 1))
  }

  @Test("S6 Error types that no retry can mend make a dead letter at once")
  func neverRetry() async throws {
    let options = TaskHandlerOptions(neverRetry: [Declined.self])
    let declined = try await attempt(options, throwing: Declined())
    #expect((declined.deadLetter?.reason, declined.failures) == (.failed, 1))
    #expect(try await attempt(options, throwing: TooManyRequests()).dueIn == .seconds(60))
    let wrapped = try await attempt(options, throwing: RetryAfter(.seconds(30), because: Declined()))
    #expect(wrapped.deadLetter?.reason == .failed, "the wrapped error counts")
  }

  @Test("S6 The handler's decision sees error, counts and the policy's wait")
  func decision() async throws {
    let seen = Journal<FailedAttempt>()
    let options = TaskHandlerOptions(onFailure: { failed in
      seen.append(failed)
      return failed.error is Declined ? .never : failed.error is TooManyRequests ? .after(.seconds(5)) : .byPolicy
    })
    #expect(try await attempt(options, throwing: TooManyRequests()).dueIn == .seconds(5))
    #expect(try await attempt(options, throwing: HandlerFailure()).dueIn == .seconds(60))
    #expect(try await attempt(options, throwing: Declined()).deadLetter?.reason == .failed)
    #expect(seen.entries.map(\.attempt) == [1, 1, 1])
    #expect(seen.entries.map(\.failures) == [1, 1, 1])
    #expect(seen.entries.map(\.delay) == [.seconds(60), .seconds(60), .seconds(60)])
  }

  @Test("S6 A wait out of bounds is kept within them")
  func bounds() async throws {
    #expect(try await attempt(throwing: RetryAfter(.seconds(-5), because: TooManyRequests())).task?.state == .due)
    let far = try await attempt(throwing: RetryAfter(.seconds(1e18), because: TooManyRequests()))
    #expect(far.dueIn == Limits.delay)
    let options = TaskHandlerOptions(onFailure: { _ in .after(.seconds(-1)) })
    #expect(try await attempt(options, throwing: Declined()).task?.state == .due)
  }

  @Test("S6 An error that says its outcome is honoured in a plain handler")
  func outcomeError() async throws {
    let again = try await attempt(throwing: AskAgain())
    #expect((again.dueIn, again.failures) == (.seconds(77), 0))
    #expect(try await attempt(throwing: NoOpinion()).failures == 1)
    let declined = try await attempt(throwing: EffectFailure.permanent("card_declined"))
    #expect(declined.deadLetter?.reason == .discarded)
  }
}
