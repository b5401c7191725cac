@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Rates are slow here, so that what a check takes does not matter.
@_spi(Store) extension StoreConformance {
  private static let slow = LimitRate(1, per: .seconds(10_000))
  private static let gap: Duration = .seconds(10_010)

  static let rates: [Check] = [
    Check("S48 tasks of a key start at the rate of their limit, after a burst; other keys have their own") { probe in
      try await probe.store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(10_000), burst: 2))])
      let ids = try await probe.limited("bank", "a", count: 6)
      let other = try await probe.limited("bank", "b", count: 1)[0]
      let first = try await probe.claim()
      try requireEqual(Set(first.map(\.claim.id)), [ids[0], ids[1], other], "the burst")
      for task in first { try await probe.settleHeld(task, .complete) }
      try await probe.requireNothingToClaim("the burst is used up")
      try requireEqual(try await probe.live(ids[2]).state, .limited, "state in line")
      try await probe.advance(by: gap)
      try await probe.settleHeld(try await probe.claimOnly(ids[2]), .complete)
      try await probe.requireNothingToClaim("it was one in the time of one")
      // An idle time saves no more than the burst.
      try await probe.advance(by: gap * 10)
      try requireEqual(try await probe.claim().map(\.claim.id), [ids[3], ids[4]], "the burst after an idle time")
    },
    Check("S48 a task counts by its weight") { probe in
      try await probe.store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(10_000), burst: 3))])
      let heavy = try await probe.enqueue { $0.limit = TaskLimit("bank", weight: 3) }.id
      let light = try await probe.limited("bank", "", count: 1)[0]
      try requireEqual(try await probe.live(heavy).limit, TaskLimit("bank", weight: 3), "weight")
      try await probe.settleHeld(try await probe.claimOnly(heavy), .bury(.discarded, detail: nil, nil))
      try await probe.requireNothingToClaim("the burst is used up")
      try await probe.advance(by: gap)
      try await probe.settleHeld(try await probe.claimOnly(light), .complete)
      // Redriven it weighs as much.
      _ = try await probe.store.redrive(.init(ids: [heavy]))
      try await probe.requireNothingToClaim("three are not saved up")
      try await probe.advance(by: gap * 3)
      try await probe.settleHeld(try await probe.claimOnly(heavy), .complete)
      // Above the burst: once the key was idle for as long.
      let giant = try await probe.enqueue { $0.limit = TaskLimit("bank", weight: 5) }.id
      try await probe.advance(by: gap * 3)
      try await probe.requireNothingToClaim("five are not saved up")
      try await probe.advance(by: gap * 3)
      try await probe.claimOnly(giant)
    },
    Check("S48 a change to a faster rate gives no burst a second time; what was saved up stays") { probe in
      let limit = TaskLimit("bank")
      try await probe.store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(10_000), burst: 5))])
      for _ in 1...4 { try requireEqual(try await probe.store.take(limit, within: .zero), .zero, "of the burst") }
      try await probe.store.change("bank", .setRate(LimitRate(1, per: .seconds(1_000), burst: 5)))
      try requireEqual(try await probe.store.take(limit, within: .zero), .zero, "the fifth")
      var wait = try await probe.store.take(limit, within: .zero)
      try require((.seconds(900) ... .seconds(1_000)).contains(wait), "the sixth one has to wait for \(wait)")
      try await probe.advance(by: .seconds(510))
      try await probe.store.change("bank", .setRate(LimitRate(1, per: .seconds(100), burst: 5)))
      wait = try await probe.store.take(limit, within: .zero)
      try require((.seconds(30) ... .seconds(50)).contains(wait), "half of the gap was over, and is; a wait of \(wait)")
    },
    Check("S48 a task in line whose deadline has passed is charged for nothing, and waits for no rate") { probe in
      try await probe.store.declare([LimitRule("bank", rate: slow)])
      let first = try await probe.limited("bank", "", count: 1)[0]
      try await probe.settleHeld(try await probe.claimOnly(first), .complete)
      let late = try await probe.enqueue {
        $0.limit = TaskLimit("bank", weight: 3)
        $0.deadline = Date(timeIntervalSince1970: 1_000_000_000)
      }.id
      let next = try await probe.limited("bank", "", count: 1)[0]
      try await probe.settleHeld(try await probe.claimOnly(late), .bury(.expired, detail: nil, nil))
      try await probe.requireNothingToClaim("the rate holds the other one")
      try await probe.advance(by: gap)
      try await probe.claimOnly(next)
    },
    Check("S48 a retry is charged again; a task that is handed back is not, nor one cancelled in line") { probe in
      try await probe.store.declare([LimitRule("bank", rate: slow)])
      let ids = try await probe.limited("bank", "", count: 3)
      let first = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(first, .release)
      let again = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(again, .fail(StoreProbe.failure(), retryAfter: .zero))
      try await probe.requireNothingToClaim("a retry at once stands in line")
      try requireEqual(try await probe.store.cancel(ids[1]), .cancelled, "cancelled in line")
      try await probe.advance(by: gap)
      let retried = try await probe.claimOnly(ids[0])
      try await probe.settleHeld(retried, .fail(StoreProbe.failure(), retryAfter: .seconds(1)))
      try await probe.advance(by: .seconds(10))
      try await probe.requireNothingToClaim("a retry later stands in line")
      try require(await probe.store.runNow(ids[2], expectedAttempt: 0), "was not made due")
      try await probe.requireNothingToClaim("run_now is no way around")
      try await probe.advance(by: gap)
      try await probe.claimOnly(ids[0])
    },
    Check("S48 calls of handlers are charged to the same key, and only if the wait is short enough") { probe in
      try await probe.store.declare([LimitRule("bank", rate: slow), LimitRule("free")])
      let limit = TaskLimit("bank", key: "a")
      try requireEqual(try await probe.store.take(limit, within: .zero), .zero, "the first one")
      for _ in 1...2 {
        let wait = try await probe.store.take(limit, within: .seconds(60))
        try require((.seconds(9_900) ... .seconds(10_000)).contains(wait), "the second one has to wait for \(wait)")
      }
      _ = try await probe.store.take(limit, within: .seconds(20_000))
      let third = try await probe.store.take(TaskLimit("bank", key: "a", weight: 2), within: .zero)
      try require((.seconds(29_900) ... .seconds(30_000)).contains(third), "the third one has to wait for \(third)")
      let id = try await probe.limited("bank", "a", count: 1)[0]
      try await probe.requireNothingToClaim("a call was charged")
      try await probe.advance(by: gap * 2)
      try await probe.claimOnly(id)
      try requireEqual(try await probe.store.take(TaskLimit("free"), within: .zero), .zero, "without a rate")
      let code = try await StoreProbe.errorCode { _ = try await probe.store.take(TaskLimit("no"), within: .zero) }
      try requireEqual(code, .unknownLimit, "error")
    },
    Check("S48 a rate is changed, paused and reset live, and people win over programs") { probe in
      let rule = LimitRule("bank", rate: slow)
      try await probe.store.declare([rule, LimitRule("order", order: .ordered())])
      let ids = try await probe.limited("bank", "", count: 3)
      try await probe.settleHeld(try await probe.claimOnly(ids[0]), .complete)
      try await probe.store.change("bank", .setRate(LimitRate(1, per: .seconds(100))))
      try await probe.store.declare([rule])
      let status = try await probe.store.limits().first { $0.rule.name == "bank" }
      try requireEqual(status?.rate, LimitRate(1, per: .seconds(100)), "what holds")
      try requireEqual(status?.rule, rule, "what is declared")
      try await probe.advance(by: .seconds(110))
      try await probe.settleHeld(try await probe.claimOnly(ids[1]), .complete)
      try await probe.store.change("bank", .reset)
      try await probe.advance(by: .seconds(110))
      try await probe.requireNothingToClaim("the declared rate holds again")
      try await probe.store.change("bank", .pause)
      try await probe.advance(by: gap)
      try await probe.requireNothingToClaim("the limit is paused")
      try require(try await probe.store.take(TaskLimit("bank"), within: .zero) > .zero, "taken from a paused limit")
      try await probe.store.change("bank", .resume)
      try await probe.claimOnly(ids[2])
      let code = try await StoreProbe.errorCode { try await probe.store.change("order", .setRate(slow)) }
      try requireEqual(code, .invalidOption, "error")
    },
  ]

  static let timedPauses: [Check] = [
    Check("S49 another rate shortens no pause") { probe in
      let limit = TaskLimit("bank", key: "a")
      try await probe.store.declare([LimitRule("bank", rate: slow)])
      try await probe.store.pause(limit, for: .seconds(100))
      try await probe.store.change("bank", .setRate(LimitRate(100, per: .seconds(1))))
      let wait = try await probe.store.take(limit, within: .zero)
      try require((.seconds(80) ... .seconds(100)).contains(wait), "a call has to wait for \(wait)")
    },
    Check("S49 a key that is paused for a time starts nothing before, goes on by itself, and holds no other one up") {
      probe in
      try await probe.store.declare([LimitRule("bank", concurrency: 2), LimitRule("paced", rate: slow)])
      for name in ["bank", "paced"] {
        let ids = try await probe.limited(name, "a", count: 2)
        let other = try await probe.limited(name, "b", count: 1)[0]
        try await probe.store.pause(TaskLimit(name, key: "a"), for: .seconds(1_000))
        try await probe.store.pause(TaskLimit(name, key: "a"), for: .seconds(10))
        try await probe.settleHeld(try await probe.claimOnly(other), .complete)
        let wait = try await probe.store.take(TaskLimit(name, key: "a"), within: .zero)
        try require((.seconds(900) ... .seconds(1_000)).contains(wait), "a call has to wait for \(wait)")
        try await probe.advance(by: .seconds(500))
        try await probe.requireNothingToClaim("the key is paused")
        try await probe.advance(by: .seconds(510))
        let claimed = try await probe.claim()
        try requireEqual(claimed.map(\.claim.id), name == "bank" ? ids : [ids[0]], "claimed after the pause")
        for task in claimed { try await probe.settleHeld(task, .complete) }
      }
      let code = try await StoreProbe.errorCode { try await probe.store.pause(TaskLimit("no"), for: .seconds(1)) }
      try requireEqual(code, .unknownLimit, "error")
    },
    Check("S49 what was admitted and does not run goes back in line; what runs goes on, and starts no more") { probe in
      try await probe.store.declare([LimitRule("bank", concurrency: 2)])
      let ids = try await probe.limited("bank", "", count: 3)
      let claimed = try await probe.claim()
      try await probe.settleHeld(claimed[0], .release)
      try await probe.store.pause(TaskLimit("bank"), for: .seconds(1_000))
      try requireEqual(try await probe.live(ids[0]).state, .limited, "state of what was admitted")
      try await probe.settleHeld(claimed[1], .release)
      try await probe.requireNothingToClaim("the key is paused")
      try await probe.advance(by: .seconds(1_010))
      try requireEqual(try await probe.claim().map(\.claim.id), [ids[0], ids[1]], "claimed after the pause")
    },
    Check("S49 an ordered line keeps its order over a pause") { probe in
      try await probe.store.declare([LimitRule("account", order: .ordered())])
      let ids = try await probe.limited("account", "", count: 2)
      let first = try await probe.claimOnly(ids[0])
      try await probe.store.pause(TaskLimit("account"), for: .seconds(1_000))
      try await probe.settleHeld(first, .fail(StoreProbe.failure(), retryAfter: .seconds(10)))
      try await probe.advance(by: .seconds(20))
      try await probe.requireNothingToClaim("the key is paused")
      try await probe.advance(by: .seconds(1_000))
      try await probe.settleHeld(try await probe.claimOnly(ids[0]), .complete)
      try await probe.claimOnly(ids[1])
    },
  ]
}
