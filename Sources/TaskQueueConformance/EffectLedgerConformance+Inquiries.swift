@_spi(Store) import TaskQueue

@_spi(Store) extension EffectLedgerConformance {
  static let inquiries: [Check] = [
    Check("S29 after a crash the provider is asked first, and what happened is not repeated") { probe in
      let first = try await probe.start()
      let call = try await probe.begin(first)
      let second = try await probe.takeOver(first)
      let decision = try await probe.ledger.beginEffect(probe.intent(second))
      guard case .ask(let asked, let callEndsIn) = decision else {
        throw ConformanceFailure("expected to be told to ask, got \(decision)")
      }
      try requireEqual(asked.key, call.key, "key")
      try requireEqual(asked.number, call.number, "the call to ask for")
      try require(callEndsIn <= .zero, "the call ended \(callEndsIn) from now")
      _ = try await probe.ledger.endEffect(asked, .succeeded(.init("1".utf8)))
      guard case .recorded(.succeeded, _) = try await probe.ledger.beginEffect(probe.intent(second)) else {
        throw ConformanceFailure("what the provider said was not recorded")
      }
    },
    Check("S29 an error without an answer leads to a question, then to the value that it brings") { probe in
      let first = try await probe.start()
      let run = try await probe.perform(first) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(run.effectCode, .outcomeUnknown, "error")
      try requireEqual(run.lookups, [], "lookups before there was anything to look for")
      try requireEqual(try await probe.record(first).state, .unknown, "state")
      let second = try await probe.takeOver(first)
      let again = try await probe.perform(second) { _ in
        "twice"
      } reconcile: { _ in
        .happened("once")
      }
      try requireEqual(again.value, "once", "value")
      try requireEqual(again.calls, [], "calls")
      try requireEqual(again.lookups.map(\.key), run.calls.map(\.key), "the key asked for")
      try requireEqual(try await probe.perform(second).value, "once", "recorded value")
    },
    Check("S29 only a certain no lets the call run again, with the same key") { probe in
      let first = try await probe.start()
      let run = try await probe.perform(first) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      let second = try await probe.takeOver(first)
      let unsure = try await probe.perform(second) { _ in
        "twice"
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(unsure.effectCode, .outcomeUnknown, "error when the provider cannot say")
      let down = try await probe.perform(second) { _ in
        "twice"
      } reconcile: { _ in
        throw ProviderDown()
      }
      try requireEqual(down.effectCode, .outcomeUnknown, "error when the provider cannot be asked")
      try requireEqual(unsure.calls + down.calls, [], "calls without a certain no")
      let sure = try await probe.perform(second) {
        $0.key.rawValue
      } reconcile: { _ in
        .didNotHappen
      }
      try requireEqual(sure.value, run.calls[0].key.rawValue, "key")
      try requireEqual(sure.calls.map(\.number), [2], "calls after a certain no")
      try requireEqual(sure.lookups.count, 1, "lookups")
    },
    Check("S29 a no is not believed while the call may still be on its way") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      try await probe.advance(by: EffectProbe.callLimit - .seconds(8))
      let early = try await probe.perform(first) { _ in
        "twice"
      } reconcile: { _ in
        .didNotHappen
      }
      try requireEqual(early.effectCode, .outcomeUnknown, "error of an early no")
      try requireEqual(early.calls, [], "calls after an early no")
      try await probe.advance(by: .seconds(9))
      let late = try await probe.perform(first) { _ in
        "once"
      } reconcile: { _ in
        .didNotHappen
      }
      try requireEqual(late.value, "once", "value")
    },
    Check("S29 a yes is believed at once") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      let early = try await probe.perform(first) { _ in
        "twice"
      } reconcile: { _ in
        .happened("once")
      }
      try requireEqual(early.value, "once", "value")
    },
    Check("S29 a lookup may find that it failed for good") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      let refused = EffectFailure.permanent("fraud")
      let second = try await probe.takeOver(first)
      let run = try await probe.perform(second) { _ in
        "x"
      } reconcile: { _ in
        .failed(refused)
      }
      try requireEqual(run.failure, refused, "error")
      try requireEqual(try await probe.perform(second).failure, refused, "recorded error")
    },
  ]

  static let overlaps: [Check] = [
    Check("S30 an overtaken attempt cannot say that nothing happened") { probe in
      let first = try await probe.start()
      let stale = try await probe.begin(first)
      let second = try await probe.takeOver(first)
      _ = try await probe.ask(second)
      for outcome in [
        EffectOutcome.failed(.permanent("no")), .failed(.temporary("429")), .unknown(reason: "?"), .parked(reason: "?"),
      ] {
        try requireEqual(try await probe.ledger.endEffect(stale, outcome), nil, "recorded of a stale report")
        try requireEqual(try await probe.record(first).state, .unknown, "state after a stale report")
      }
      let call = try await probe.begin(second, absentCall: 1)
      try requireEqual(
        try await probe.ledger.endEffect(stale, .failed(.permanent("no"))),
        nil,
        "recorded while it calls"
      )
      try requireEqual(try await probe.ledger.endEffect(call, .failed(.permanent("no"))) != nil, true, "its own report")
    },
    Check("S30 an overtaken attempt's success keeps the next one from calling") { probe in
      let first = try await probe.start()
      let stale = try await probe.begin(first)
      let second = try await probe.takeOver(first)
      let json = EffectOutcome.succeeded(.init("\"once\"".utf8))
      _ = try await probe.ask(second)
      try requireEqual(try await probe.ledger.endEffect(stale, json), json, "recorded")
      guard case .recorded(json, _) = try await probe.ledger.beginEffect(probe.intent(second, absentCall: 1)) else {
        throw ConformanceFailure("a call was allowed after a success")
      }
      try requireEqual(try await probe.record(first).isContradicted, false, "contradicted")
    },
    Check("S30 an overtaken attempt's success overrules a later failure, for all to see") { probe in
      let first = try await probe.start()
      let stale = try await probe.begin(first)
      let second = try await probe.takeOver(first)
      _ = try await probe.ask(second)
      let call = try await probe.begin(second, absentCall: 1)
      _ = try await probe.ledger.endEffect(call, .failed(.permanent("no")))
      let json = EffectOutcome.succeeded(.init("1".utf8))
      try requireEqual(try await probe.ledger.endEffect(stale, json), json, "recorded")
      try requireEqual(try await probe.record(first).isContradicted, true, "contradicted")
      let unsettled = try await probe.ledger.unsettledEffects(olderThan: .seconds(1_000_000), limit: 10)
      try requireEqual(unsettled.map(\.task), [first.claim.id], "unsettled")
    },
    Check("S30 two successes with one value agree, with two values they are marked") { probe in
      for (value, isContradicted) in [("1", false), ("2", true)] {
        let first = try await probe.start()
        let stale = try await probe.begin(first)
        let second = try await probe.takeOver(first)
        _ = try await probe.ask(second)
        let call = try await probe.begin(second, absentCall: 1)
        let json = EffectOutcome.succeeded(.init("1".utf8))
        try requireEqual(try await probe.ledger.endEffect(call, json), json, "recorded")
        _ = try await probe.ledger.endEffect(stale, .succeeded(.init(value.utf8)))
        let record = try await probe.record(first)
        try requireEqual(record.value, .init("1".utf8), "the first value")
        try requireEqual(record.isContradicted, isContradicted, "contradicted by \(value)")
        try await probe.tasks.settleHeld(second, .complete)
      }
    },
    Check("S30 a no that was asked for before another call does not count for that call") { probe in
      let first = try await probe.start()
      _ = try await probe.begin(first)
      let second = try await probe.takeOver(first)
      _ = try await probe.ask(second)
      let call = try await probe.begin(second, absentCall: 1)
      _ = try await probe.ledger.endEffect(call, .unknown(reason: "?"))
      guard case .ask = try await probe.ledger.beginEffect(probe.intent(second, absentCall: 1)) else {
        throw ConformanceFailure("a call was allowed by an old answer")
      }
      let third = try await probe.takeOver(second)
      guard case .ask = try await probe.ledger.beginEffect(probe.intent(third, absentCall: 2)) else {
        throw ConformanceFailure("a call was allowed by an answer to another attempt")
      }
      _ = try await probe.begin(third, absentCall: 2)
    },
  ]
}
