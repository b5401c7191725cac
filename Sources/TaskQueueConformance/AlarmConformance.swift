@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The contract of `AlarmSource` as checks that every store with alarms passes.
///
/// ```swift
/// @Test("The store's alarms keep their contract", arguments: AlarmConformance.all)
/// func conforms(to check: AlarmConformance.Check) async throws {
///   try await check.run(on: MyHarness())
/// }
/// ```
@_spi(Store) public enum AlarmConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (EffectProbe, any AlarmSource) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (EffectProbe, any AlarmSource) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any AlarmHarness) async throws { try await body(EffectProbe(harness), harness.alarms) }
  }

  /// Every check.
  public static let all: [Check] = [
    Check("S30 alarm rules are added, changed and removed, and those of other types stay") { _, alarms in
      try await alarms.setAlarmRules([.init("a", finalWithin: .seconds(1)), .init("b", finalWithin: .seconds(2))])
      try await alarms.setAlarmRules([
        .init("b", finalWithin: .seconds(3)), .init("c", finalWithin: .milliseconds(500)),
      ])
      try await alarms.setAlarmRules([])
      let rules: [AlarmRule] = [
        .init("a", finalWithin: .seconds(1)), .init("b", finalWithin: .seconds(3)),
        .init("c", finalWithin: .milliseconds(500)),
      ]
      try requireEqual(try await alarms.alarmRules(), rules, "rules")
      try require(try await alarms.removeAlarmRule(for: "a"), "there was no rule to remove")
      try require(try await !alarms.removeAlarmRule(for: "a"), "a rule was removed twice")
      try requireEqual(try await alarms.alarmRules(), Array(rules.dropFirst()), "rules left")
      let code = try await StoreProbe.errorCode { try await alarms.setAlarmRules([.init("a", finalWithin: .zero)]) }
      try requireEqual(code, .invalidOption, "error of a rule of zero")
    },
    Check("S30 overdue tasks of types with a rule are found page by page, and the walk ends at young ones") {
      probe,
      alarms in
      try await alarms.setAlarmRules([AlarmRule(StoreProbe.type, finalWithin: .seconds(4 * 3_600))])
      let old = try await probe.tasks.store.enqueue(Array(repeating: probe.tasks.newTask(), count: 30)).map(\.id)
      for _ in 1...5 { try await probe.tasks.enqueue(StoreProbe.otherType) }
      let dead = try await probe.tasks.claim(limit: 2)
      for (task, reason) in zip(dead, [DeadLetterReason.failed, .cancelled]) {
        try await probe.tasks.settleHeld(task, .bury(reason, detail: nil, nil))
      }
      try await probe.advance(by: .seconds(5 * 3_600))
      _ = try await probe.tasks.store.enqueue(Array(repeating: probe.tasks.newTask(), count: 30))
      var found: [TaskID] = []
      var count = 0
      var position: TaskID?
      for page in 1...5 {
        let alarms = try await alarms.alarms(after: position, page: 10, limit: 3, unknownAfter: .zero)
        try require(alarms.overdue.count <= 3, "more than the limit: \(alarms.overdue.count)")
        try requireEqual(alarms.dead.map(\.id), [dead[0].claim.id], "overdue dead letters")
        for task in alarms.overdue {
          let difference = task.overdueBy - .seconds(3_600)
          try require(abs(difference / .seconds(1)) <= StoreProbe.toleranceSeconds, "overdue by \(task.overdueBy)")
        }
        found += alarms.overdue.map(\.id)
        count += alarms.counts[StoreProbe.type, default: 0]
        position = alarms.next
        // 33 old tasks live: the fourth page has the first young ones, the fifth only such.
        try requireEqual(position == nil, page == 5, "the walk's end at page \(page)")
      }
      try requireEqual(found.count, 9, "overdue tasks")
      try requireEqual(count, 28, "counted")
      try require(Set(found).isSubset(of: old), "a young task is overdue")
    },
    Check("S30 unknown, parked and contradicted effects are counted by type") { probe, alarms in
      let endings: [[EffectOutcome]] = [
        [.unknown(reason: "timeout")], [.parked(reason: "timeout")], [.succeeded(Data("1".utf8))],
        [.succeeded(Data("1".utf8)), .succeeded(Data("2".utf8))],
      ]
      for outcomes in endings {
        let call = try await probe.begin(try await probe.start())
        for outcome in outcomes { _ = try await probe.ledger.endEffect(call, outcome) }
      }
      try await probe.advance(by: .seconds(3_600))
      // As long as no outcome is recorded it is unknown; this one is young.
      _ = try await probe.begin(
        try await probe.tasks.claimOnly(
          try await probe.tasks.enqueue(StoreProbe.otherType).id,
          types: [StoreProbe.otherType]
        )
      )
      let page = try await alarms.alarms(after: nil, page: 10, limit: 10, unknownAfter: .seconds(900))
      try require(page.next == nil, "there is no rule, and yet another page")
      try requireEqual(page.effects.map(\.kind), [.contradicted, .parked, .unknown], "kinds")
      try requireEqual(page.effects.map(\.count), [1, 1, 1], "counts")
      try require(page.effects.allSatisfy { $0.type == StoreProbe.type }, "types are \(page.effects.map(\.type))")
      for alarm in page.effects {
        let difference = alarm.oldest - .seconds(3_600)
        try require(abs(difference / .seconds(1)) <= StoreProbe.toleranceSeconds, "oldest is \(alarm.oldest)")
      }
    },
  ]
}
