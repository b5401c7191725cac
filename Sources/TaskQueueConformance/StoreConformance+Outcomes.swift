@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let outcomes: [Check] = [
    Check("S6 a completed task is gone and its id is never used again") { probe in
      let id = try await probe.enqueue().id
      try await probe.settleHeld(try await probe.claimOnly(id), .complete)
      try await probe.requireGone(id)
      try await probe.advance(by: .seconds(100))
      try await probe.requireNothingToClaim("it is completed")
      try require(try await probe.enqueue().id > id, "an id is not higher than an earlier one")
    },
    Check("S6 again and retry cost an attempt but no failure") { probe in
      let id = try await probe.enqueue().id
      for attempt in 1...3 {
        let task = try await probe.claimOnly(id)
        try requireEqual(task.attempt, attempt, "attempt")
        try requireEqual(task.failures + task.crashes, 0, "failures and crashes")
        try await probe.settleHeld(task, .reschedule(after: .seconds(100), returnsAttempt: false))
        let waiting = try await probe.live(id)
        try requireEqual(waiting.state, .waiting, "state")
        try requireEqual(waiting.attempt, attempt, "attempt while waiting")
        try probe.requireClose(waiting.dueAt, task.claimedAt.addingTimeInterval(100), "due time")
        try await probe.requireNothingToClaim("it is not due")
        try await probe.advance(by: .seconds(50))
        try await probe.requireNothingToClaim("it is not due yet")
        try await probe.advance(by: .seconds(60))
      }
    },
    Check("S6 a snooze gives the attempt back") { probe in
      let id = try await probe.enqueue().id
      for _ in 1...3 {
        let task = try await probe.claimOnly(id)
        try requireEqual(task.attempt, 1, "attempt")
        try await probe.settleHeld(task, .reschedule(after: .seconds(100), returnsAttempt: true))
        try requireEqual(try await probe.live(id).attempt, 0, "attempt while waiting")
        try await probe.requireNothingToClaim("it snoozes")
        try await probe.advance(by: .seconds(110))
      }
    },
    Check("S6 an error is counted, recorded and retried when its wait is over") { probe in
      let id = try await probe.enqueue().id
      let failure = StoreProbe.failure("no route", attempt: 1)
      let task = try await probe.claimOnly(id)
      try await probe.settleHeld(task, .fail(failure, retryAfter: .seconds(100)))
      let waiting = try await probe.live(id)
      try requireEqual(waiting.state, .waiting, "state")
      try requireEqual(waiting.failures, 1, "failures")
      try requireEqual(waiting.attempt, 1, "attempt")
      try requireEqual(waiting.errors, [failure], "errors")
      try probe.requireClose(waiting.dueAt, task.claimedAt.addingTimeInterval(100), "due time")
      try await probe.requireNothingToClaim("it backs off")
      try await probe.advance(by: .seconds(110))
      let again = try await probe.claimOnly(id)
      try requireEqual(again.attempt, 2, "attempt")
      try requireEqual(again.failures, 1, "failures")
      try requireEqual(again.crashes, 0, "crashes")
    },
    Check("S6 a wait of zero, or below, means at once") { probe in
      let id = try await probe.enqueue().id
      for wait: Duration in [.zero, .seconds(-50)] {
        let task = try await probe.claimOnly(id)
        try await probe.settleHeld(task, .reschedule(after: wait, returnsAttempt: false))
        let failed = try await probe.claimOnly(id)
        try await probe.settleHeld(failed, .fail(StoreProbe.failure(), retryAfter: wait))
      }
      try requireEqual(try await probe.claimOnly(id).failures, 2, "failures")
    },
    Check("S6 a released task is due at once and has its attempt back") { probe in
      let id = try await probe.enqueue().id
      let task = try await probe.claimOnly(id)
      try await probe.settleHeld(task, .release)
      let waiting = try await probe.live(id)
      try requireEqual(waiting.state, .due, "state")
      try requireEqual(waiting.attempt, 0, "attempt")
      let again = try await probe.claimOnly(id)
      try requireEqual(again.attempt, 1, "attempt")
      try requireEqual(again.failures + again.crashes, 0, "failures and crashes")
    },
    Check("S6 a discarded task becomes a dead letter with its reason") { probe in
      let id = try await probe.enqueue().id
      let task = try await probe.claimOnly(id)
      try await probe.settleHeld(task, .bury(.discarded, detail: "account closed", nil))
      let letter = try await probe.dead(id)
      try requireEqual(letter.reason, .discarded, "reason")
      try requireEqual(letter.detail, "account closed", "detail")
      try requireEqual(letter.failures, 0, "failures")
      try requireEqual(letter.attempt, 1, "attempt")
      try await probe.requireNothingToClaim("it is dead")
    },
    Check("S6 the error with which a task is buried is counted and recorded") { probe in
      let id = try await probe.enqueue().id
      let failure = StoreProbe.failure("last", attempt: 1)
      try await probe.settleHeld(try await probe.claimOnly(id), .bury(.failed, detail: nil, failure))
      let letter = try await probe.dead(id)
      try requireEqual(letter.reason, .failed, "reason")
      try requireEqual(letter.failures, 1, "failures")
      try requireEqual(letter.errors, [failure], "errors")
    },
    Check("S6 many outcomes of different kinds in one exchange are applied each to its own task") { probe in
      _ = try await probe.store.enqueue(Array(repeating: try probe.newTask(), count: everyAction.count))
      let claimed = try await probe.claim()
      let settlements = zip(claimed, everyAction).map { Settlement($0.claim, $1.action) }
      let exchange = try await probe.store.exchange(settle: settlements, claim: nil)
      try requireEqual(exchange.applied, Array(repeating: true, count: everyAction.count), "applied")
      try await probe.requireGone(claimed[0].claim.id)
      let waiting = try await probe.live(claimed[1].claim.id)
      try require(waiting.attempt == 1 && waiting.failures == 0, "reschedule: \(waiting)")
      try requireEqual(try await probe.live(claimed[2].claim.id).attempt, 0, "attempt of the snoozed one")
      try requireEqual(try await probe.live(claimed[3].claim.id).failures, 1, "failures of the failed one")
      let letter = try await probe.dead(claimed[4].claim.id)
      try require(letter.detail == "why" && letter.failures == 1, "buried: \(letter)")
      try requireEqual(try await probe.live(claimed[5].claim.id).state, .due, "state of the released one")
    },
  ]

  static let crashes: [Check] = [
    Check("S7 crashes and failures are counted apart") { probe in
      let id = try await probe.enqueue().id
      for crash in 0...2 {
        let task = try await probe.claimOnly(id)
        try requireEqual(task.crashes, crash, "crashes")
        try requireEqual(task.failures, 0, "failures")
        try requireEqual(task.attempt, crash + 1, "attempt")
        try await probe.advance(by: .seconds(70))
      }
      let task = try await probe.claimOnly(id)
      try await probe.settleHeld(task, .fail(StoreProbe.failure(), retryAfter: .zero))
      let again = try await probe.claimOnly(id)
      try requireEqual(again.crashes, 0, "crashes after a failure")
      try requireEqual(again.failures, 1, "failures")
    },
    Check("S36 an attempt that reports an outcome ends the count of crashes") { probe in
      let outcomes: [Settlement.Action] = [
        .reschedule(after: .zero, returnsAttempt: false), .reschedule(after: .zero, returnsAttempt: true),
        .fail(StoreProbe.failure(), retryAfter: .zero), .release,
      ]
      let id = try await probe.enqueue().id
      for outcome in outcomes {
        for crash in 0...1 {
          try requireEqual(try await probe.claimOnly(id).crashes, crash, "crashes before \(outcome)")
          try await probe.advance(by: .seconds(70))
        }
        let task = try await probe.claimOnly(id)
        try requireEqual(task.crashes, 2, "crashes")
        try await probe.settleHeld(task, outcome)
        try requireEqual(try await probe.live(id).crashes, 0, "crashes after \(outcome)")
      }
      try requireEqual(try await probe.claimOnly(id).crashes, 0, "crashes of the last attempt")
    },
    Check("S7 a settlement that comes after the lease but before anybody else is no crash") { probe in
      let id = try await probe.enqueue().id
      let task = try await probe.claimOnly(id)
      try await probe.advance(by: .seconds(70))
      try await probe.settleHeld(task, .reschedule(after: .zero, returnsAttempt: false))
      try requireEqual(try await probe.claimOnly(id).crashes, 0, "crashes")
    },
    Check("S10 a task buried for its crashes keeps them in its dead letter") { probe in
      let id = try await probe.enqueue().id
      _ = try await probe.claimOnly(id)
      try await probe.advance(by: .seconds(70))
      try await probe.settleHeld(try await probe.claimOnly(id), .bury(.crashed, detail: nil, nil))
      let letter = try await probe.dead(id)
      try requireEqual(letter.crashes, 1, "crashes")
      try requireEqual(letter.reason, .crashed, "reason")
    },
  ]
}
