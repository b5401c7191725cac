import Foundation
import Libpq
import Testing

@_spi(Store) @testable import TaskQueue
@testable import TaskQueuePostgres

@Suite("Errors that pass are no failures")
struct OutcomeRulesTests {
  private static func server(_ state: String) -> LibpqError { LibpqError(.server, "…", sqlState: state) }

  private func settlement(of error: any Error, attempt: Int = 1, failures: Int = 0) throws -> Settlement.Action {
    let claim = Claim(id: TaskID(1), token: 1)
    let task = ClaimedTask.sample(claim, at: Date(timeIntervalSince1970: 1e9), attempt: attempt, failures: failures)
    var generator = SystemRandomNumberGenerator()
    let rules = OutcomeRules(task: task, options: .init(), now: 1e9)
    return try #require(rules.judgement(of: .threw(error), cancelReason: nil, using: &generator).settlement).action
  }

  private func isFailure(_ action: Settlement.Action) -> Bool {
    switch action {
    case .fail, .bury: true
    default: false
    }
  }

  @Test(
    "S34 What a failover, a restart or a full pool makes of a handler's statements passes, bare or wrapped",
    arguments: [
      LibpqError(.connectionLost, "…"), LibpqError(.connectFailed, "…"), LibpqError(.acquireTimeout, "…"),
      LibpqError(.timeout, "…"), LibpqError(.transactionAborted, "…"), server("57P01"), server("57P02"),
      server("57P03"), server("53300"), server("40001"), server("40P01"), server("55P03"),
    ]
  )
  func passing(_ error: LibpqError) throws {
    for error in [error, TaskQueueError(.storeFailed, "…", underlying: error), TaskQueueError(error, .safe)]
      as [any Error]
    {
      guard case .reschedule(let delay, returnsAttempt: false) = try settlement(of: error) else {
        Issue.record("\(error) is a failure")
        continue
      }
      #expect(delay > .zero && delay <= .seconds(60))
    }
  }

  @Test(
    "S34 What the handler itself did wrong is a failure",
    arguments: [
      server("23505"), server("22012"), server("42P01"), server("42501"), LibpqError(.nestedUse, "…"),
      LibpqError(.invalidArgument, "…"), LibpqError(.commitOutcomeUnknown, "…"),
    ]
  )
  func failing(_ error: LibpqError) throws {
    #expect(try isFailure(settlement(of: error)))
    #expect(try error.isOutcomeUnknown || isFailure(settlement(of: TaskQueueError(error, .safe))))
  }

  @Test("S29 The last failure waits until the call that it is about has ended, and counts as none")
  func waiting() throws {
    let early = EffectError(.outcomeUnknown, "charge", "…", passesIn: .seconds(30))
    guard case .reschedule(.seconds(30), returnsAttempt: false) = try settlement(of: early, attempt: 25, failures: 24)
    else {
      Issue.record("It is given up.")
      return
    }
    #expect(try isFailure(settlement(of: early)))
    #expect(try isFailure(settlement(of: EffectError(.outcomeUnknown, "charge", "…"), attempt: 25, failures: 24)))
    // Not for ever.
    #expect(try isFailure(settlement(of: early, attempt: 46, failures: 24)))
  }

  @Test("S34 What passes too often is a failure after all", arguments: [1, 20, 21, 1_000])
  func bounded(attempt: Int) throws {
    let error = LibpqError(.connectionLost, "…")
    #expect(try isFailure(settlement(of: error, attempt: attempt)) == (attempt > 20))
    #expect(try !isFailure(settlement(of: error, attempt: attempt, failures: attempt - 1)), "failures count apart")
  }

  @Test("S34 Only an outcome's own data drops it: SQLSTATE classes 22 and 23")
  func refusedData() {
    for state in ["22P05", "22P02", "22003", "22008", "23514", "23505", "23502"] {
      #expect(TaskQueueError(Self.server(state), .safe).isDataRefused, "\(state)")
    }
    for state in [
      "57014", "25006", "25P03", "53100", "53200", "53300", "53400", "58030", "42501", "42P01", "42883", "XX000",
      "XX001", "57P01", "57P02", "57P03", "57P04", "57P05", "40001", "40P01", "55P03", "0A000", "08006", "21000",
    ] {
      #expect(!TaskQueueError(Self.server(state), .safe).isDataRefused, "\(state)")
    }
    #expect(!TaskQueueError(LibpqError(.connectionLost, "…"), .safe).isDataRefused)
  }
}
