@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  /// Every way to settle.
  static let everyAction: [(name: String, action: Settlement.Action)] = [
    ("complete", .complete),
    ("reschedule", .reschedule(after: .seconds(5), returnsAttempt: false)),
    ("snooze", .reschedule(after: .seconds(5), returnsAttempt: true)),
    ("fail", .fail(StoreProbe.failure(), retryAfter: .seconds(5))),
    ("bury", .bury(.discarded, detail: "why", StoreProbe.failure())),
    ("release", .release),
    ("suspend", .suspend([FlowWait("nap", place: 1, end: .after(.seconds(5)))])),
    ("complete a flow", .conclude(Conclusion())),
  ]

  static let leases: [Check] = [
    Check("S2 a task is held until its lease ends, and then claimed again") { probe in
      let id = try await probe.enqueue().id
      let first = try await probe.claimOnly(id)
      try requireEqual(try await probe.live(id).state, .running, "state")
      try await probe.advance(by: .seconds(30))
      try await probe.requireNothingToClaim("another worker holds it")
      try await probe.advance(by: .seconds(40))
      try requireEqual(try await probe.live(id).state, .due, "state after the lease")
      let second = try await probe.claimOnly(id)
      try requireEqual(second.attempt, 2, "attempt")
      try requireEqual(second.crashes, 1, "crashes")
      try requireEqual(second.failures, 0, "failures")
      try require(second.claim.token != first.claim.token, "two claims have one token")
    },
    Check("S2 every claim may ask for a lease of its own") { probe in
      let id = try await probe.enqueue().id
      _ = try await probe.claim(lease: .seconds(600))
      try await probe.advance(by: .seconds(500))
      try await probe.requireNothingToClaim("its long lease goes on")
      try await probe.advance(by: .seconds(200))
      try await probe.claimOnly(id)
    },
    Check("S4 a worker that lost its lease to another can settle in no way") { probe in
      for (name, action) in everyAction {
        let id = try await probe.enqueue().id
        let stale = try await probe.claimOnly(id)
        try await probe.advance(by: .seconds(70))
        let current = try await probe.claimOnly(id)
        let before = try await probe.live(id)
        try require(!(await probe.settle(stale.claim, action)), "\(name) of a stale claim was applied")
        let after = try await probe.live(id)
        try requireEqual(after.state, .running, "state after a stale \(name)")
        try requireEqual(after.attempt, before.attempt, "attempt after a stale \(name)")
        try requireEqual(after.failures, 0, "failures after a stale \(name)")
        try requireEqual(after.errors, [], "errors after a stale \(name)")
        try await probe.settleHeld(current, .complete)
        try await probe.requireGone(id)
      }
    },
    Check("S4 a claim settles once") { probe in
      for (name, first) in everyAction {
        let id = try await probe.enqueue().id
        let task = try await probe.claimOnly(id)
        try await probe.settleHeld(task, first)
        let live = try await probe.store.task(id)
        for (again, second) in everyAction {
          try require(!(await probe.settle(task.claim, second)), "\(again) was applied after \(name)")
        }
        let after = try await probe.store.task(id)
        try requireEqual(after?.attempt, live?.attempt, "attempt after settling twice")
        try requireEqual(after?.failures, live?.failures, "failures after settling twice")
        if live != nil { _ = try await probe.store.cancel(id) }
      }
    },
    Check("S4 a claim of the same attempt number does not settle for another, also after the attempt was given back") {
      probe in
      let id = try await probe.enqueue().id
      let first = try await probe.claimOnly(id)
      try await probe.settleHeld(first, .release)
      let second = try await probe.claimOnly(id)
      try requireEqual(second.attempt, first.attempt, "attempt after release")
      try require(!(await probe.settle(first.claim, .complete)), "the first claim of attempt 1 settled the second")
      try requireEqual(try await probe.live(id).state, .running, "state")
    },
    Check("S4 a token settles only its own task") { probe in
      let one = try await probe.enqueue().id
      let two = try await probe.enqueue().id
      let claimed = try await probe.claim()
      try requireEqual(Set(claimed.map(\.claim.id)), [one, two], "claimed")
      let mixed = Claim(id: claimed[0].claim.id, token: claimed[1].claim.token)
      try require(!(await probe.settle(mixed, .complete)), "another task's token was taken")
      let unknown = Claim(id: TaskID(one.rawValue + 1_000_000), token: claimed[0].claim.token)
      try require(!(await probe.settle(unknown, .complete)), "an unknown task was settled")
      try requireEqual(try await probe.store.renew([mixed, unknown], lease: .seconds(9)), [.lost, .lost], "renewals")
    },
    Check("S4 no two claims have the same token") { probe in
      _ = try await probe.store.enqueue(Array(repeating: try probe.newTask(), count: 100))
      var tokens: Set<Int64> = []
      for round in 1...3 {
        let claimed = try await probe.claim(limit: 100)
        try requireEqual(claimed.count, 100, "claimed in round \(round)")
        tokens.formUnion(claimed.map(\.claim.token))
        try requireEqual(tokens.count, round * 100, "different tokens")
        let settlements = claimed.map { Settlement($0.claim, .release) }
        let exchange = try await probe.store.exchange(settle: settlements, claim: nil)
        try requireEqual(exchange.applied, Array(repeating: true, count: 100), "applied")
      }
    },
    Check("S4 answers come in the order of the settlements") { probe in
      _ = try await probe.store.enqueue(Array(repeating: try probe.newTask(), count: 6))
      let claimed = try await probe.claim()
      var settlements: [Settlement] = []
      for (index, task) in claimed.enumerated() {
        let stale = Claim(id: task.claim.id, token: task.claim.token ^ 1)
        settlements.append(.init(index.isMultiple(of: 2) ? task.claim : stale, everyAction[index].action))
      }
      let exchange = try await probe.store.exchange(settle: settlements, claim: nil)
      try requireEqual(exchange.applied, [true, false, true, false, true, false], "applied")
    },
    Check("S39 a lease of nothing or of ages is refused, and changes nothing") { probe in
      let id = try await probe.enqueue().id
      let edges: [Duration] = [.zero, .seconds(-5), .seconds(1_000_000_000_000_000_000), .seconds(Int64.min)]
      for lease in edges {
        let code = try await StoreProbe.errorCode { _ = try await probe.claim(lease: lease) }
        try requireEqual(code, .invalidOption, "error of a claim for \(lease)")
      }
      let task = try await probe.claimOnly(id)
      for lease in edges {
        let code = try await StoreProbe.errorCode { _ = try await probe.store.renew([task.claim], lease: lease) }
        try requireEqual(code, .invalidOption, "error of a renewal for \(lease)")
      }
      try requireEqual(try await probe.live(id).state, .running, "state")
      try await probe.settleHeld(task, .complete)
    },
    Check("S33 leases are judged by the claimer's instant if that is before the store's clock") { probe in
      let id = try await probe.enqueue().id
      try await probe.claimOnly(id)
      try await probe.advance(by: .seconds(70))
      let other = try await probe.enqueue(StoreProbe.otherType).id
      let now = try await probe.claimOnly(other, types: [StoreProbe.otherType]).claimedAt
      var request = ClaimRequest(
        queues: [.default],
        types: [StoreProbe.type],
        limit: 1,
        lease: .seconds(60),
        promotesDue: true,
        leasesAt: now.addingTimeInterval(-30)
      )
      try requireEqual(try await probe.store.exchange(settle: [], claim: request).claimed.count, 0, "claimed too early")
      request.leasesAt = now.addingTimeInterval(86_400)
      try requireEqual(try await probe.store.exchange(settle: [], claim: request).claimed.count, 1, "claimed")
    },
    Check("S5 a renewed lease holds the task, a lost one cannot be renewed") { probe in
      let id = try await probe.enqueue().id
      let first = try await probe.claimOnly(id)
      for _ in 1...3 {
        try await probe.advance(by: .seconds(40))
        try requireEqual(try await probe.store.renew([first.claim], lease: .seconds(60)), [.renewed], "renewal")
        try await probe.requireNothingToClaim("its lease was renewed")
      }
      try await probe.advance(by: .seconds(70))
      let second = try await probe.claimOnly(id)
      try requireEqual(
        try await probe.store.renew([first.claim, second.claim], lease: .seconds(60)),
        [.lost, .renewed],
        "renewals"
      )
      try await probe.settleHeld(second, .complete)
      try requireEqual(
        try await probe.store.renew([second.claim], lease: .seconds(60)),
        [.lost],
        "renewal when settled"
      )
      try requireEqual(try await probe.store.renew([], lease: .seconds(60)), [], "renewal of nothing")
    },
  ]
}
