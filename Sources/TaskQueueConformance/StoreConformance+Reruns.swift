@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension StoreConformance {
  static let reruns: [Check] = [
    Check("S16 keepExisting does nothing to a running task") { probe in
      let id = try await probe.enqueue { $0.unique = UniqueKey("k") }.id
      let task = try await probe.claimOnly(id)
      let duplicate = try await probe.enqueue { $0.unique = UniqueKey("k") }
      try requireEqual(duplicate, .init(id: id, isNew: false), "duplicate")
      try await probe.settleHeld(task, .complete)
      try await probe.requireGone(id)
      try await probe.requireNothingToClaim("it is completed")
    },
    Check("S17 coalescing into a running task runs it once more, whatever the outcome") { probe in
      for (name, action) in everyAction {
        let unique = UniqueKey("k \(name)", mode: .coalesce)
        let id = try await probe.enqueue(json: "1") { $0.unique = unique }.id
        // A failure and a crash first, so that counters have something to forget.
        try await probe.settleHeld(
          try await probe.claimOnly(id),
          .fail(StoreProbe.failure(), retryAfter: .zero)
        )
        _ = try await probe.claimOnly(id)
        try await probe.advance(by: .seconds(70))
        let running = try await probe.claimOnly(id)
        for _ in 1...3 {
          let duplicate = try await probe.enqueue(json: "2") { $0.unique = unique }
          try requireEqual(duplicate, .init(id: id, isNew: false), "coalesced")
        }
        try await probe.requireNothingToClaim("it runs")
        try await probe.settleHeld(running, action)
        let again = try await probe.claimOnly(id)
        try requireEqual(again.attempt, 1, "attempt after \(name)")
        try requireEqual(again.failures, 0, "failures after \(name)")
        try requireEqual(again.crashes, 0, "crashes after \(name)")
        try requireEqual(String(decoding: again.payload, as: UTF8.self), "1", "payload after \(name)")
        try await probe.settleHeld(again, .complete)
        try await probe.requireGone(id)
        try await probe.requireNothingToClaim("it ran once more already")
      }
    },
    Check("S16 replacing a running task runs it once more with the new payload, whatever the outcome") { probe in
      for (name, action) in everyAction {
        let unique = UniqueKey("k \(name)", mode: .replace)
        let id = try await probe.enqueue(json: "1") { $0.unique = unique }.id
        let running = try await probe.claimOnly(id)
        for json in ["2", "3"] {
          let duplicate = try await probe.enqueue(json: json) {
            $0.unique = unique
            $0.headers = ["h": json]
          }
          try requireEqual(duplicate, .init(id: id, isNew: false), "replaced")
        }
        try await probe.requireNothingToClaim("it runs")
        try await probe.settleHeld(running, action)
        let again = try await probe.claimOnly(id)
        try requireEqual(String(decoding: again.payload, as: UTF8.self), "3", "payload after \(name)")
        try requireEqual(again.headers, ["h": "3"], "headers after \(name)")
        try requireEqual(again.attempt, 1, "attempt after \(name)")
        try requireEqual(again.failures, 0, "failures after \(name)")
        try await probe.settleHeld(again, .complete)
        try await probe.requireGone(id)
      }
    },
    Check("S17 an event that comes while a lease is over but the worker still settles is not lost") { probe in
      for mode in [UniqueKey.Mode.coalesce, .replace] {
        let unique = UniqueKey("k \(mode)", mode: mode)
        let id = try await probe.enqueue(json: "1") { $0.unique = unique }.id
        let late = try await probe.claimOnly(id)
        try await probe.advance(by: .seconds(70))
        let event = try await probe.enqueue(json: "2") { $0.unique = unique }
        _ = try await probe.settle(late.claim, .complete)
        let next = try await probe.claim()
        try requireEqual(next.count, 1, "runs after the event with \(mode)")
        try requireEqual(next[0].claim.id, event.id, "id with \(mode)")
        let expected = mode == .replace ? "2" : "1"
        try requireEqual(String(decoding: next[0].payload, as: UTF8.self), expected, "payload with \(mode)")
        try await probe.settleHeld(next[0], .complete)
        for task in try await probe.claim() { try await probe.settleHeld(task, .complete) }
      }
    },
    Check("S17 an event during an attempt that crashes is seen by a later one") { probe in
      let unique = UniqueKey("k", mode: .replace)
      let id = try await probe.enqueue(json: "1") { $0.unique = unique }.id
      _ = try await probe.claimOnly(id)
      try await probe.enqueue(json: "2") { $0.unique = unique }
      try await probe.advance(by: .seconds(70))
      var payloads: [String] = []
      while let task = try await probe.claim().first, payloads.count < 5 {
        payloads.append(String(decoding: task.payload, as: UTF8.self))
        try await probe.settleHeld(task, .complete)
      }
      try requireEqual(payloads.last, "2", "payload of the last run")
      try require(payloads.count <= 2, "it ran \(payloads.count) times for one event")
    },
    Check("S17 the one more run also works for a key with a period") { probe in
      let unique = UniqueKey("k", mode: .coalesce, periodAfterCompletion: .seconds(300))
      let id = try await probe.enqueue { $0.unique = unique }.id
      let running = try await probe.claimOnly(id)
      try await probe.enqueue { $0.unique = unique }
      try await probe.settleHeld(running, .complete)
      try await probe.settleHeld(try await probe.claimOnly(id), .complete)
      try await probe.requireGone(id)
      try requireEqual(
        try await probe.enqueue { $0.unique = unique },
        .init(id: id, isNew: false),
        "duplicate in the period"
      )
    },
    Check("S4 a stale claim does not use up the mark to run once more") { probe in
      let unique = UniqueKey("k", mode: .coalesce)
      let id = try await probe.enqueue { $0.unique = unique }.id
      let stale = try await probe.claimOnly(id)
      try await probe.advance(by: .seconds(70))
      let current = try await probe.claimOnly(id)
      try await probe.enqueue { $0.unique = unique }
      try require(!(await probe.settle(stale.claim, .complete)), "a stale claim was applied")
      try await probe.settleHeld(current, .complete)
      try await probe.claimOnly(id)
    },
    Check("S16 enqueues racing with completions lose no event") { probe in
      let unique = UniqueKey("k", mode: .coalesce)
      try await probe.enqueue { $0.unique = unique }
      for _ in 1...30 {
        guard let running = try await probe.claim().first else {
          throw ConformanceFailure("there is no task although an event was just enqueued")
        }
        async let event = probe.enqueue { $0.unique = unique }
        async let settled = probe.settle(running.claim, .complete)
        _ = try await (event, settled)
      }
      try requireEqual(try await probe.claim().count, 1, "runs after the last event")
    },
  ]
}
