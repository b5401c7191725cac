@_spi(Store) import TaskQueue

@_spi(Store) extension EffectLedgerConformance {
  /// One try per hour, so that a day's key ends between two of them.
  private static let hourly = RetryPolicy.fixed(.seconds(3_600))
  private static let lifetime: Duration = .seconds(2 * 3_600)

  static let keys: [Check] = [
    Check("S29 once the key's lifetime is over, a call is repeated only after a question") { probe in
      let first = try await probe.start()
      let busy = EffectFailure.temporary("429")
      let run = try await probe.perform(first, keyLifetime: lifetime) { _ in throw busy }
      try await probe.advance(by: lifetime + .seconds(1))
      let second = try await probe.tasks.claimOnly(first.claim.id)
      let unsure = try await probe.perform(second, keyLifetime: lifetime) { _ in
        "x"
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(unsure.lookups.count, 1, "lookups")
      try requireEqual(unsure.calls, [], "calls")
      try require(unsure.lookups[0].keyEndsIn.map { $0 <= .zero } == true, "the key is not known to be over")
      let sure = try await probe.perform(second, keyLifetime: lifetime) { _ in
        throw busy
      } reconcile: { _ in
        .didNotHappen
      }
      try requireEqual(sure.calls.map(\.key), run.calls.map(\.key), "key")
      let again = try await probe.perform(second, keyLifetime: lifetime) { _ in
        "x"
      } reconcile: { _ in
        .stillUnknown
      }
      try requireEqual(again.value, "x", "value: the key's lifetime began anew")
    },
    Check("S29 once the key's lifetime is over and nobody can be asked, a person has to look") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first, keyLifetime: lifetime) { _ in throw EffectFailure.temporary("429") }
      try await probe.advance(by: lifetime + .seconds(1))
      let second = try await probe.tasks.claimOnly(first.claim.id)
      let run = try await probe.perform(second, keyLifetime: lifetime)
      try requireEqual(run.effectCode, .parked, "error")
      try requireEqual(run.calls, [], "calls")
    },
    Check("S29 the last attempt whose retry falls behind the key's lifetime warns, once") { probe in
      try await requireOneWarning(probe, hourly)
    },
    Check("S29 the same with a policy that has jitter") { probe in
      try await requireOneWarning(probe, .exponential(base: .seconds(3_600), factor: 1, jitter: 0.25))
    },
  ]

  private static func requireOneWarning(_ probe: EffectProbe, _ retry: RetryPolicy) async throws {
    let first = try await probe.start()
    var warned: [Int] = []
    for attempt in 1...4 {
      let task = attempt == 1 ? first : try await probe.tasks.claimOnly(first.claim.id)
      let run = try await probe.perform(task, keyLifetime: lifetime, retry: retry) { _ in
        throw EffectFailure.temporary("429")
      } reconcile: { _ in
        .stillUnknown
      }
      if !run.warnings.isEmpty { warned.append(attempt) }
      try requireEqual(Set(run.warnings.map(\.code)).subtracting([.keyEndsBeforeNextRetry]), [], "other warnings")
      try await probe.advance(by: .seconds(3_700))
    }
    try requireEqual(warned, [2], "attempts that warned")
  }

  static let people: [Check] = [
    Check("S29 without a way to ask, an unknown outcome is parked for a person") { probe in
      let first = try await probe.start()
      let run = try await probe.perform(first) { _ in throw ProviderDown() }
      try requireEqual(run.effectCode, .parked, "error")
      try requireEqual(try await probe.record(first).state, .parked, "state")
      let again = try await probe.perform(try await probe.takeOver(first))
      try requireEqual(again.effectCode, .parked, "error of a later attempt")
      try requireEqual(again.calls, [], "calls of a later attempt")
    },
    Check("S29 without a way to ask, a crash is parked once the call can no longer be under way") { probe in
      let first = try await probe.start()
      try await probe.advance(by: .seconds(50))
      _ = try await probe.perform(first) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      try await probe.advance(by: .seconds(15))
      let second = try await probe.tasks.claimOnly(first.claim.id)
      try requireEqual(try await probe.perform(second).effectCode, .outcomeUnknown, "error while it may be under way")
      try await probe.advance(by: EffectProbe.callLimit)
      try requireEqual(try await probe.perform(second).effectCode, .parked, "error afterwards")
    },
    Check("S29 a parked effect is asked for once there is a way to ask") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first) { _ in throw ProviderDown() }
      let second = try await probe.takeOver(first)
      let run = try await probe.perform(second) { _ in
        "twice"
      } reconcile: { _ in
        .happened("once")
      }
      try requireEqual(run.value, "once", "value")
    },
    Check("S29 what a person says holds for every later attempt") { probe in
      let resolutions: [(EffectResolution, String?, String?)] = [
        (.succeeded(.init("\"seen\"".utf8)), "seen", nil), (.failed(reason: "never came"), nil, "resolved"),
        (.didNotHappen, "paid", nil),
      ]
      for (resolution, value, code) in resolutions {
        let first = try await probe.start()
        let id = first.claim.id
        _ = try await probe.perform(first) { _ in throw ProviderDown() }
        func resolve() async throws -> EffectResolutionResult {
          try await probe.ledger.resolveEffect(EffectProbe.name, of: id, as: resolution)
        }
        try requireEqual(try await resolve(), .running, "while a worker holds the task")
        try await probe.tasks.settleHeld(first, .bury(.discarded, detail: nil, nil))
        try await probe.advance(by: EffectProbe.callLimit)
        try requireEqual(try await resolve(), .resolved, "resolution of a dead letter's effect")
        _ = try await probe.tasks.store.redrive(.all)
        let second = try await probe.tasks.claimOnly(id)
        let run = try await probe.perform(second)
        try requireEqual(run.value, value, "value")
        try requireEqual(run.failure?.code, code, "code of the failure")
        try requireEqual(try await resolve(), .settled, "a second resolution")
        try await probe.tasks.settleHeld(second, .complete)
      }
      let unknown = try await probe.ledger.resolveEffect("other", of: TaskID(1), as: .didNotHappen)
      try requireEqual(unknown, .unknown, "resolution of an effect that was never begun")
    },
    Check("S29 a no of a person is not taken while the call may still be on its way") { probe in
      let first = try await probe.start()
      _ = try await probe.perform(first) { _ in throw ProviderDown() }
      try await probe.tasks.settleHeld(first, .bury(.discarded, detail: nil, nil))
      func resolve(_ resolution: EffectResolution) async throws -> EffectResolutionResult {
        try await probe.ledger.resolveEffect(EffectProbe.name, of: first.claim.id, as: resolution)
      }
      try requireEqual(try await resolve(.didNotHappen), .running, "an early no")
      try requireEqual(try await resolve(.succeeded(.init("1".utf8))), .resolved, "an early yes")
    },
    Check("S30 effects without a known outcome are listed by age") { probe in
      let first = try await probe.start()
      _ = try await probe.begin(first)
      try await probe.advance(by: .seconds(50))
      let second = try await probe.start()
      _ = try await probe.perform(second) { _ in throw ProviderDown() }
      _ = try await probe.perform(try await probe.start())
      func listed(_ age: Duration, limit: Int = 10) async throws -> [TaskID] {
        try await probe.ledger.unsettledEffects(olderThan: age, limit: limit).map(\.task)
      }
      try requireEqual(try await listed(.zero), [first.claim.id, second.claim.id], "all")
      try requireEqual(try await listed(.seconds(40)), [first.claim.id], "older ones")
      try requireEqual(try await listed(.zero, limit: 1), [first.claim.id], "the oldest")
    },
    Check("S29 effects are purged when they are settled, old, and their task is gone") { probe in
      func purge() async throws -> Int { try await probe.ledger.purgeEffects(olderThan: .seconds(100)) }
      let first = try await probe.start()
      _ = try await probe.perform(first)
      try await probe.advance(by: .seconds(200))
      try requireEqual(try await purge(), 0, "purged while the task lives")
      let second = try await probe.tasks.claimOnly(first.claim.id)
      try await probe.tasks.settleHeld(second, .bury(.discarded, detail: nil, nil))
      try requireEqual(try await purge(), 0, "purged while it is a dead letter")
      _ = try await probe.tasks.store.redrive(.all)
      let third = try await probe.tasks.claimOnly(first.claim.id)
      try requireEqual(try await probe.perform(third).calls, [], "calls after the redrive")
      try await probe.tasks.settleHeld(third, .complete)
      try requireEqual(try await purge(), 1, "purged when it is gone")
      let unknown = try await probe.start()
      _ = try await probe.perform(unknown) { _ in
        throw ProviderDown()
      } reconcile: { _ in
        .stillUnknown
      }
      let young = try await probe.start()
      _ = try await probe.perform(young)
      for task in [unknown, young] { try await probe.tasks.settleHeld(task, .complete) }
      try requireEqual(try await purge(), 0, "purged of young ones")
      try await probe.advance(by: .seconds(200))
      try requireEqual(try await purge(), 1, "purged, but not without a known outcome")
      try requireEqual(try await probe.ledger.effects(of: unknown.claim.id).count, 1, "the unknown one")
    },
  ]
}
