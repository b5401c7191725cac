@_spi(Store) import TaskQueue

@_spi(Store) extension EffectLedgerConformance {
  static let calls: [Check] = [
    Check("S41 tasks that are made for one action share its key, and what one has recorded holds for the others") {
      probe in
      let one = try await probe.start()
      let first = try await probe.perform(one, scope: "order-7")
      let two = try await probe.start()
      let second = try await probe.perform(two, scope: "order-7") { _ in "paid twice" }
      try requireEqual(second.value, first.value, "value of the second task")
      try requireEqual(second.calls, [], "calls of the second task")
      let three = try await probe.start()
      let other = try await probe.perform(three, scope: "order-8")
      let four = try await probe.start()
      let own = try await probe.perform(four)
      let keys = (first.calls + other.calls + own.calls).map(\.key)
      try requireEqual(Set(keys).count, 3, "different keys")
      let five = try await probe.start()
      let changed = try await probe.perform(five, request: ["amount": "8"], scope: "order-7")
      try requireEqual(changed.calls, [], "calls with another request for the same action")
      try require(changed.error != nil, "another request for the same action was taken")
    },
    Check("S43 an unknown outcome of an action is asked for by the next task that is made for it, with the same key") {
      probe in
      struct Lost: Error {}
      let one = try await probe.start()
      let first = try await probe.perform(one, scope: "order-7") { _ in
        throw Lost()
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(first.calls.count, 1, "calls")
      try await probe.tasks.settleHeld(one, .bury(.discarded, detail: nil, nil))
      let two = try await probe.start()
      try await probe.advance(by: .seconds(40))
      let second = try await probe.perform(two, scope: "order-7") { _ in
        "paid twice"
      } reconcile: { _ in
        .happened("paid")
      }
      try requireEqual(second.value, "paid", "value")
      try requireEqual(second.calls, [], "calls of the second task")
    },
    Check("S43 the next task with the unique key asks for an outcome that nobody knows, and both are settled") {
      probe in
      let key = UniqueKey("order-7")
      let one = try await probe.start(unique: key)
      let first = try await probe.perform(one) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(first.calls.count, 1, "calls")
      try await probe.tasks.settleHeld(one, .bury(.discarded, detail: nil, nil))
      _ = try await probe.tasks.store.purge(.all)
      let other = try await probe.perform(try await probe.start(unique: UniqueKey("order-8")))
      try require(other.calls.map(\.key) != first.calls.map(\.key), "another unique key shares the idempotency key")
      let two = try await probe.start(unique: key)
      try await probe.advance(by: .seconds(40))
      let changed = try await probe.perform(two, request: ["amount": "8"])
      try requireEqual(changed.calls, [], "calls with another request")
      try requireEqual(changed.effectCode, .requestChanged, "error")
      let second = try await probe.perform(two) { _ in
        "paid twice"
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(second.calls, [], "calls of the second task")
      try await probe.tasks.settleHeld(two, .bury(.discarded, detail: nil, nil))
      let three = try await probe.start(unique: key)
      let third = try await probe.perform(three) { _ in
        "paid twice"
      } reconcile: { _ in
        .happened("paid")
      }
      try requireEqual(third.value, "paid", "value")
      try requireEqual(third.lookups.map(\.key), first.calls.map(\.key), "key that was asked for")
      try requireEqual(
        try await probe.ledger.unsettledEffects(olderThan: .zero, limit: 10).count,
        0,
        "unsettled effects"
      )
      try await probe.tasks.settleHeld(three, .complete)
      let four = try await probe.start(unique: key)
      let fourth = try await probe.perform(four)
      try requireEqual(fourth.calls.count, 1, "calls once the outcome is known")
      try require(fourth.calls.map(\.key) != first.calls.map(\.key), "the key was used for another action")
    },
    Check("S43 what did not happen is called with the key of the task before, and a person's word holds for both") {
      probe in
      let key = UniqueKey("order-7")
      let one = try await probe.start(unique: key)
      let lost = try await probe.perform(one) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      try await probe.tasks.settleHeld(one, .complete)
      let two = try await probe.start(unique: key)
      try await probe.advance(by: .seconds(40))
      let called = try await probe.perform(two) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .didNotHappen
      }
      try requireEqual(called.calls.map(\.key), lost.calls.map(\.key), "key of the call that followed")
      try requireEqual(
        try await probe.ledger.unsettledEffects(olderThan: .zero, limit: 10).count,
        2,
        "unsettled effects"
      )
      try await probe.tasks.settleHeld(two, .bury(.discarded, detail: nil, nil))
      try await probe.advance(by: .seconds(40))
      let resolved = try await probe.ledger.resolveEffect(EffectProbe.name, of: two.claim.id, as: .didNotHappen)
      try requireEqual(resolved, .resolved, "resolution")
      try requireEqual(
        try await probe.ledger.unsettledEffects(olderThan: .zero, limit: 10).count,
        0,
        "unsettled effects"
      )
    },
    Check("S29 a success is recorded and returned to every later attempt without a call") { probe in
      let first = try await probe.start()
      let run = try await probe.perform(first)
      try requireEqual(run.value, "paid", "value")
      try requireEqual(run.calls.map(\.number), [1], "calls")
      try requireEqual(try await probe.record(first).state, .succeeded, "state")
      let second = try await probe.takeOver(first)
      let again = try await probe.perform(second) { _ in "paid twice" }
      try requireEqual(again.value, "paid", "value after a crash")
      try await probe.tasks.settleHeld(second, .bury(.discarded, detail: nil, nil))
      _ = try await probe.tasks.store.redrive(.all)
      let third = try await probe.tasks.claimOnly(first.claim.id)
      let redriven = try await probe.perform(third) { _ in "paid twice" }
      try requireEqual(redriven.value, "paid", "value after a redrive")
      try requireEqual(again.calls + redriven.calls, [], "calls of later attempts")
    },
    Check("S29 a failure for good is thrown again without a call") { probe in
      let first = try await probe.start()
      let declined = EffectFailure.permanent("card_declined", "No money\0left.")
      let run = try await probe.perform(first) { _ in throw declined }
      try requireEqual(run.failure, declined, "error")
      let again = try await probe.perform(try await probe.takeOver(first))
      try requireEqual(again.failure, declined, "error of a later attempt")
      try requireEqual(again.calls, [], "calls of a later attempt")
      try requireEqual(try await probe.record(first).state, .failed, "state")
    },
    Check("S29 a temporary failure is followed by another call with the same key, without a question") { probe in
      let first = try await probe.start()
      let busy = EffectFailure.temporary("429")
      let run = try await probe.perform(first) { _ in throw busy }
      try requireEqual(run.failure, busy, "error")
      try requireEqual(try await probe.record(first).state, .open, "state")
      let second = try await probe.takeOver(first)
      let again = try await probe.perform(second) { call in
        call.key.rawValue
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(again.lookups, [], "lookups")
      try requireEqual(again.calls.map(\.number), [2], "calls")
      try requireEqual(again.value, run.calls[0].key.rawValue, "key")
    },
    Check("S29 the same effect with another request is refused before anything is sent") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first) { _ in throw EffectFailure.temporary("429") }
      let changed = try await probe.perform(first, request: ["amount": "8"]) { _ in
        "paid"
      } reconcile: { _ in
        .didNotHappen
      }
      try requireEqual(changed.effectCode, .requestChanged, "error")
      try requireEqual(changed.calls.count + changed.lookups.count, 0, "calls and lookups")
      try requireEqual(try await probe.perform(first).value, "paid", "value with the old request")
      let after = try await probe.perform(first, request: ["amount": "8"])
      try requireEqual(after.effectCode, .requestChanged, "error after the success")
    },
    Check("S29 an attempt that lost its lease, or whose lease is over, does not call") { probe in
      let first = try await probe.start()
      try await probe.advance(by: .seconds(70))
      let over = try await probe.perform(first)
      try requireEqual(over.storeCode, .leaseLost, "error when the lease is over")
      let second = try await probe.tasks.claimOnly(first.claim.id)
      let lost = try await probe.perform(first)
      try requireEqual(lost.storeCode, .leaseLost, "error when it is lost")
      try requireEqual(over.calls + lost.calls, [], "calls")
      try requireEqual(try await probe.ledger.effects(of: first.claim.id).count, 0, "effects")
      try requireEqual(try await probe.perform(second).value, "paid", "value of the holder")
    },
    Check("S29 effects of one task and of two have keys and outcomes of their own") { probe in
      let first = try await probe.start()
      let second = try await probe.start()
      var keys: Set<String> = []
      for (task, name) in [(first, "a"), (first, "b"), (second, "a")] as [(ClaimedTask, EffectName)] {
        let run = try await probe.perform(task, name) { call in call.key.rawValue }
        keys.insert(run.value ?? "")
        try require(
          run.value?.wholeMatch(of: /[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}/) != nil,
          "not a UUID of version 8: \(run.value ?? "none")"
        )
      }
      try requireEqual(keys.count, 3, "different keys")
      try requireEqual(
        try await probe.ledger.effects(of: first.claim.id).map(\.name),
        ["a", "b"],
        "effects of one task"
      )
    },
    Check("S29 one attempt has at most one call of an effect under way") { probe in
      let first = try await probe.start()
      let call = try await probe.begin(first)
      let run = try await probe.perform(first)
      try requireEqual(run.effectCode, .requestChanged, "error with another request")
      guard case .busy = try await probe.ledger.beginEffect(probe.intent(first)) else {
        throw ConformanceFailure("a second call was allowed beside the first")
      }
      _ = try await probe.ledger.endEffect(call, .failed(.temporary("429")))
      _ = try await probe.begin(first)
    },
    Check("S29 a report is recorded once, whatever is repeated") { probe in
      let first = try await probe.start()
      let call = try await probe.begin(first)
      for outcome in [
        EffectOutcome.unknown(reason: "?"), .unknown(reason: "?"), .failed(.temporary("429")),
        .failed(.temporary("429")),
        .succeeded(.init("1".utf8)), .succeeded(.init("1".utf8)),
      ] { try requireEqual(try await probe.ledger.endEffect(call, outcome), outcome, "recorded") }
      let overruled = try await probe.ledger.endEffect(call, .failed(.permanent("no")))
      try requireEqual(overruled, .succeeded(.init("1".utf8)), "recorded after a success")
      try requireEqual(try await probe.record(first).isContradicted, false, "contradicted")
      var unknown = call
      unknown.name = "other"
      try requireEqual(
        try await probe.ledger.endEffect(unknown, .succeeded(.init("1".utf8))),
        nil,
        "an effect never begun"
      )
      unknown = call
      unknown.number = 2
      try requireEqual(
        try await probe.ledger.endEffect(unknown, .succeeded(.init("2".utf8))),
        nil,
        "a call never begun"
      )
    },
    Check("S29 a success is recorded also if its value cannot be stored") { probe in
      let first = try await probe.start()
      let run = try await probe.perform(first) { _ in String(repeating: "x", count: Limits.effectValueBytes) }
      try requireEqual(run.value?.count, Limits.effectValueBytes, "value")
      let again = try await probe.perform(first)
      try requireEqual(again.effectCode, .unreadableValue, "error of a later attempt")
      try requireEqual(again.calls, [], "calls of a later attempt")
    },
  ]
}
