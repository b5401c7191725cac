@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An empty store that keeps flows.
@_spi(Store) public protocol FlowHarness: StoreHarness {
  var flows: any FlowStore { get }
}

/// The contract of `FlowStore` as checks that every store with flows passes.
@_spi(Store) public enum FlowConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (FlowProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (FlowProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any FlowHarness) async throws { try await body(FlowProbe(harness)) }
  }

  /// Every check.
  public static let all: [Check] = steps + waits + endings

  private static let steps: [Check] = [
    Check("S53 a recorded step comes with the next claim, as it was") { probe in
      let first = try await probe.start()
      try require(first.steps.isEmpty, "a new task has steps")
      let step = FlowStep(
        "a",
        .step,
        place: 1,
        value: Data(#"{"x":"é\u0000"}"#.utf8),
        digest: Data(repeating: 7, count: 32)
      )
      try require(await probe.record(step, first), "not recorded")
      try require(await probe.record(FlowStep("b#2", .undo, place: 2), first), "not recorded")
      let second = try await probe.tasks.takeOver(first)
      try requireEqual(second.steps.sorted { $0.place < $1.place }, [step, FlowStep("b#2", .undo, place: 2)], "steps")
      try requireEqual(
        try await probe.flows.steps(of: first.claim.id),
        second.steps.sorted { $0.place < $1.place },
        "listed"
      )
    },
    Check("S53 a claim whose lease ended, or that lost its task, records nothing") { probe in
      let stale = try await probe.start()
      try await probe.tasks.advance(by: .seconds(70))
      try require(await !probe.record(FlowStep("late", .step, place: 1), stale), "recorded after the lease")
      let fresh = try await probe.tasks.claimOnly(stale.claim.id)
      try require(await !probe.record(FlowStep("stale", .step, place: 1), stale), "recorded by a stale claim")
      try requireEqual(
        try await probe.flows.look(for: "k", as: "~event/k", place: 1, isOver: true, by: stale.claim),
        .lost,
        "a stale look"
      )
      try require(await probe.record(FlowStep("fresh", .step, place: 1), fresh), "not recorded")
      try requireEqual(try await probe.names(fresh), ["fresh"], "steps")
    },
    Check("S53 a step that is repeated after a lost answer counts once, with its first value") { probe in
      let task = try await probe.start()
      let step = FlowStep("a", .step, place: 1, value: Data("1".utf8))
      try require(await probe.record(step, task), "not recorded")
      try require(await probe.flows.record(step, by: task.claim, repeats: true), "the repetition does not count")
      try requireEqual(try await probe.flows.steps(of: task.claim.id), [step], "steps")
    },
    Check("S53 many flows record at the same time, and one that lost its task does not keep the others from it") {
      probe in
      _ = try await probe.store.enqueue((1...40).map { _ in try probe.tasks.newTask() })
      var tasks = try await probe.tasks.claim(limit: 40)
      try requireEqual(tasks.count, 40, "claimed")
      tasks[7] = probe.forged(tasks[7])
      let claimed = tasks
      let recorded = try await withThrowingTaskGroup(of: (Int, Bool).self) { group in
        for (index, task) in claimed.enumerated() {
          for step in 1...3 {
            group.addTask { (index, try await probe.record(FlowStep("s", step, place: step), task)) }
          }
        }
        return try await group.reduce(into: [Int: [Bool]]()) { $0[$1.0, default: []].append($1.1) }
      }
      for (index, results) in recorded {
        try requireEqual(results, Array(repeating: index != 7, count: 3), "recorded of task \(index)")
      }
      for (index, task) in claimed.enumerated() {
        try requireEqual(try await probe.names(task).count, index == 7 ? 0 : 3, "steps of task \(index)")
      }
    },
    Check("S54 a recorded step forgives the failures and crashes before it") { probe in
      let first = try await probe.start()
      try await probe.tasks.settleHeld(first, .fail(StoreProbe.failure(), retryAfter: .zero))
      var task = try await probe.tasks.claimOnly(first.claim.id)
      try requireEqual(task.failures, 1, "failures")
      task = try await probe.tasks.takeOver(task)
      try requireEqual([task.failures, task.crashes], [1, 1], "failures and crashes")
      try require(await probe.record(FlowStep("a", .step, place: 1), task), "not recorded")
      task = try await probe.tasks.takeOver(task)
      try requireEqual([task.failures, task.crashes, task.attempt], [0, 1, 2], "counts after a step and a crash")
    },
  ]

  private static let waits: [Check] = [
    Check("S55 a flow that sleeps is due at the end of it, as an attempt that nothing was spent on") { probe in
      let task = try await probe.start()
      let waits = [
        FlowWait("long", place: 1, end: .after(.seconds(600))), FlowWait("short", place: 2, end: .after(.seconds(300))),
      ]
      try await probe.tasks.settleHeld(task, .suspend(waits))
      let waiting = try await probe.tasks.live(task.claim.id)
      try requireEqual([waiting.attempt, waiting.failures, waiting.crashes], [0, 0, 0], "counts")
      try requireEqual(waiting.state, .waiting, "state")
      try await probe.tasks.advance(by: .seconds(280))
      try await probe.tasks.requireNothingToClaim("it sleeps")
      try await probe.tasks.advance(by: .seconds(60))
      let again = try await probe.tasks.claimOnly(task.claim.id)
      try requireEqual(again.attempt, 1, "attempt")
      let steps = again.steps.sorted { $0.place < $1.place }
      try requireEqual(steps.map(\.name), ["long", "short"], "waits")
      let until = try requirePresent(steps[1].until, "the end")
      try require(until <= again.claimedAt, "it is not over")
      // What is waited for again keeps its end.
      try await probe.tasks.settleHeld(again, .suspend([FlowWait("long", place: 1, end: .after(.seconds(9_999)))]))
      try await probe.tasks.advance(by: .seconds(280))
      try await probe.tasks.claimOnly(task.claim.id)
    },
    Check("S56 an event that came before, meanwhile or after is there, once, and the same for ever") { probe in
      let (before, meanwhile, after) = (try await probe.start(), try await probe.start(), try await probe.start())
      try require(await probe.emit("k", "1"), "the first one does not count")
      try require(await !probe.emit("k", "2"), "the second one counts")
      try requireEqual(try await probe.look(before), .event(probe.event("1")), "before")
      try await probe.tasks.settleHeld(meanwhile, .suspend([probe.wait()]))
      try requireEqual(try await probe.resumed(meanwhile).steps, [probe.event("1")], "meanwhile")
      try requireEqual(try await probe.look(after, key: "later"), .wait, "not there")
      try await probe.tasks.settleHeld(after, .suspend([probe.wait("later")]))
      try await probe.tasks.advance(by: .seconds(1))
      try await probe.tasks.requireNothingToClaim("its event has not come")
      try require(await probe.emit("later", "3"), "it does not count")
      let resumed = try await probe.resumed(after)
      try requireEqual(resumed.steps, [probe.event("3", key: "later")], "after")
      try requireEqual(try await probe.look(resumed, key: "later"), .event(probe.event("3", key: "later")), "again")
    },
    Check("S56 an event reaches a task whose worker holds it at its next look, and many at once") { probe in
      let held = try await probe.start()
      try requireEqual(try await probe.look(held), .wait, "not there")
      _ = try await probe.store.enqueue((1...30).map { _ in try probe.tasks.newTask() })
      let waiting = try await probe.tasks.claim(limit: 30)
      for task in waiting { try await probe.tasks.settleHeld(task, .suspend([probe.wait()])) }
      try require(await probe.emit("k", "1"), "it does not count")
      try requireEqual(try await probe.look(held), .event(probe.event("1")), "held")
      var resumed: [ClaimedTask] = []
      for _ in 1...5 { resumed += try await probe.tasks.claim(limit: 40) }
      try requireEqual(Set(resumed.map(\.claim.id)), Set(waiting.map(\.claim.id)), "resumed")
      try require(resumed.allSatisfy { $0.steps == [probe.event("1")] }, "not all have the event")
    },
    Check("S56 a wait ends once: by its event or by its time") { probe in
      let task = try await probe.start()
      try await probe.tasks.settleHeld(task, .suspend([probe.wait(end: .after(.seconds(100)))]))
      try await probe.tasks.advance(by: .seconds(130))
      let resumed = try await probe.tasks.claimOnly(task.claim.id)
      try requireEqual(try await probe.look(resumed), .timedOut, "after its time")
      try require(await probe.emit("k", "1"), "it does not count")
      try requireEqual(try await probe.look(resumed), .timedOut, "with an event that came later")
      let other = try await probe.start()
      try requireEqual(try await probe.look(other, key: "none", isOver: true), .timedOut, "without any time")
      let third = try await probe.start()
      try await probe.tasks.settleHeld(third, .suspend([probe.wait("late", end: .after(.seconds(100)))]))
      try require(await probe.emit("late", "2"), "it does not count")
      let found = try await probe.resumed(third)
      try await probe.tasks.advance(by: .seconds(30))
      try requireEqual(try await probe.look(found, key: "late"), .event(probe.event("2", key: "late")), "in time")
    },
    Check("S56 an event is there until it expires; then another one with its key counts") { probe in
      try require(await probe.emit("k", "1", retention: .seconds(100)), "it does not count")
      try await probe.tasks.advance(by: .seconds(130))
      let task = try await probe.start()
      try requireEqual(try await probe.look(task), .wait, "expired")
      try require(await probe.emit("k", "2"), "it does not count")
      try requireEqual(try await probe.look(task), .event(probe.event("2")), "the new one")
    },
    Check("S55 a suspension of a claim that lost its task, or that is to be cancelled or run once more, is none") {
      probe in
      let stale = try await probe.start()
      let fresh = try await probe.tasks.takeOver(stale)
      try require(await !probe.tasks.settle(stale.claim, .suspend([probe.wait()])), "a stale claim suspends")
      try requireEqual(try await probe.names(fresh), [], "steps")
      _ = try await probe.store.cancel(fresh.claim.id)
      try await probe.tasks.settleHeld(fresh, .suspend([probe.wait()]))
      try requireEqual(try await probe.tasks.dead(fresh.claim.id).reason, .cancelled, "reason")
      let unique = UniqueKey("u", mode: .coalesce)
      let id = try await probe.tasks.enqueue { $0.unique = unique }.id
      let coalesced = try await probe.tasks.claimOnly(id)
      _ = try await probe.tasks.enqueue { $0.unique = unique }
      try await probe.tasks.settleHeld(coalesced, .suspend([probe.wait("x")]))
      try requireEqual(try await probe.tasks.claimOnly(id).steps.map(\.kind), [.wait], "steps")
    },
  ]

  private static let endings: [Check] = [
    Check("S57 a completed flow leaves nothing; one that runs once more begins anew") { probe in
      let task = try await probe.start()
      try require(await probe.record(FlowStep("a", .step, place: 1), task), "not recorded")
      try await probe.tasks.settleHeld(task, .conclude(Conclusion()))
      try await probe.tasks.requireGone(task.claim.id)
      try requireEqual(try await probe.names(task), [], "steps")
      let unique = UniqueKey("u", mode: .coalesce)
      let id = try await probe.tasks.enqueue { $0.unique = unique }.id
      let first = try await probe.tasks.claimOnly(id)
      try require(await probe.record(FlowStep("a", .step, place: 1), first), "not recorded")
      _ = try await probe.tasks.enqueue { $0.unique = unique }
      try await probe.tasks.settleHeld(first, .conclude(Conclusion()))
      try requireEqual(try await probe.tasks.claimOnly(id).steps, [], "steps of the second run")
    },
    Check("S57 a dead letter keeps its steps, and redriven goes on with them; purged, they go") { probe in
      let task = try await probe.start()
      try require(await probe.record(FlowStep("a", .step, place: 1), task), "not recorded")
      try await probe.tasks.settleHeld(task, .bury(.failed, detail: nil, nil))
      try requireEqual(try await probe.flows.purgeFlows(within: .seconds(60)), 0, "purged of a dead letter")
      _ = try await probe.store.redrive(.init(ids: [task.claim.id]))
      let again = try await probe.tasks.claimOnly(task.claim.id)
      try requireEqual(again.steps.map(\.name), ["a"], "steps")
      try await probe.tasks.settleHeld(again, .bury(.failed, detail: nil, nil))
      _ = try await probe.store.purge(.init(ids: [task.claim.id]))
      _ = try await probe.flows.purgeFlows(within: .seconds(60))
      try requireEqual(try await probe.names(task), [], "steps")
    },
    Check("S58 a flow that registered a compensation comes back to be undone before it is a dead letter") { probe in
      for ending in ["bury", "cancel a waiting one", "cancel a running one"] {
        var task = try await probe.start()
        try require(await probe.record(FlowStep("~on/a", .undo, place: 1), task), "not recorded")
        switch ending {
        case "bury": try await probe.tasks.settleHeld(task, .bury(.discarded, detail: "why", nil))
        case "cancel a waiting one":
          try await probe.tasks.settleHeld(task, .suspend([probe.wait("never")]))
          try requireEqual(try await probe.store.cancel(task.claim.id), .requested, "cancelled")
        default:
          try requireEqual(try await probe.store.cancel(task.claim.id), .requested, "cancelled")
          try await probe.tasks.settleHeld(task, .reschedule(after: .seconds(600), returnsAttempt: false))
        }
        try require(await probe.tasks.letter(task.claim.id) == nil, "a dead letter at once: \(ending)")
        try requireEqual(try await probe.store.cancel(task.claim.id), .requested, "cancelled once more")
        task = try await probe.tasks.claimOnly(task.claim.id)
        try require(!task.isCancelRequested, "the cancellation is still requested")
        try require(task.steps.contains { $0.kind == .unwind }, "no mark: \(ending)")
        try require(await probe.record(FlowStep("~undo/a", .step, place: 2), task), "not recorded")
        try await probe.tasks.settleHeld(task, .bury(.discarded, detail: "why", nil))
        try requireEqual(try await probe.tasks.dead(task.claim.id).detail, "why", "detail")
        _ = try await probe.store.redrive(.init(ids: [task.claim.id]))
        task = try await probe.tasks.claimOnly(task.claim.id)
        try requireEqual(task.steps, [], "steps of a redriven flow that was undone")
        try await probe.tasks.settleHeld(task, .conclude(Conclusion()))
      }
    },
    Check("S58 an undone flow that cannot live again, since its key is taken, keeps its steps") { probe in
      let key = UniqueKey("flow")
      let task = try await probe.tasks.claimOnly(try await probe.tasks.enqueue { $0.unique = key }.id)
      try require(await probe.record(FlowStep("~on/a", .undo, place: 1), task), "not recorded")
      try await probe.tasks.settleHeld(task, .bury(.discarded, detail: "why", nil))
      let undoing = try await probe.tasks.claimOnly(task.claim.id)
      try require(await probe.record(FlowStep("~undo/a", .step, place: 2), undoing), "not recorded")
      try await probe.tasks.settleHeld(undoing, .bury(.discarded, detail: "why", nil))
      let names = try await probe.names(task)
      let holder = try await probe.tasks.enqueue { $0.unique = key }.id
      try requireEqual(try await probe.store.redrive(.init(ids: [task.claim.id])), [], "redriven")
      try requireEqual(try await probe.names(task), names, "steps")
      _ = try await probe.store.cancel(holder)
      _ = try await probe.store.purge(.init(ids: [holder]))
      _ = try await probe.store.redrive(.init(ids: [task.claim.id]))
      try requireEqual(try await probe.tasks.claimOnly(task.claim.id).steps, [], "steps of the flow that begins anew")
    },
    Check("S59 it is known when every flow of a type has recorded a step as true") { probe in
      func isTrue() async throws -> Bool { try await probe.flows.isTrueEverywhere("v", type: StoreProbe.type) }
      try require(await isTrue(), "without flows")
      let (one, two) = (try await probe.start(), try await probe.start())
      try require(await isTrue(), "without steps")
      try require(await probe.record(FlowStep("v", .step, place: 1, value: Data("true".utf8)), one), "not recorded")
      try require(await isTrue(), "with one that says true")
      try require(await probe.record(FlowStep("a", .step, place: 1), two), "not recorded")
      try require(await !isTrue(), "with one that has not come there")
      try require(await probe.record(FlowStep("v", .step, place: 2, value: Data("false".utf8)), two), "not recorded")
      try await probe.tasks.settleHeld(two, .bury(.failed, detail: nil, nil))
      try require(await !isTrue(), "with a dead one that says false")
      _ = try await probe.store.purge(.init(ids: [two.claim.id]))
      try require(await isTrue(), "without it")
    },
  ]
}

/// Short forms of the calls of flows.
struct FlowProbe: Sendable {
  private let harness: any FlowHarness
  let tasks: StoreProbe
  var flows: any FlowStore { harness.flows }
  var store: any StoreContract { harness.store }

  init(_ harness: any FlowHarness) {
    self.harness = harness
    tasks = StoreProbe(harness)
  }

  func start() async throws -> ClaimedTask { try await tasks.claimOnly(try await tasks.enqueue().id) }

  func record(_ step: FlowStep, _ task: ClaimedTask) async throws -> Bool {
    try await flows.record(step, by: task.claim, repeats: false)
  }

  func emit(_ key: String, _ json: String, retention: Duration = .seconds(86_400)) async throws -> Bool {
    try await flows.emit(FlowEvent(key, json: Data(json.utf8), retention: retention))
  }

  func look(_ task: ClaimedTask, key: String = "k", isOver: Bool = false) async throws -> FlowEventLook {
    try await flows.look(for: key, as: "~event/\(key)", place: 1, isOver: isOver, by: task.claim)
  }

  func wait(_ key: String = "k", end: FlowWait.End = .never) -> FlowWait {
    FlowWait("~event/\(key)", place: 1, end: end, event: key)
  }

  func event(_ json: String, key: String = "k") -> FlowStep {
    FlowStep("~event/\(key)", .event, place: 1, value: Data(json.utf8))
  }

  /// Looks come a moment after the suspension.
  func resumed(_ task: ClaimedTask) async throws -> ClaimedTask {
    try await tasks.advance(by: .milliseconds(200))
    var claimed = try await tasks.claim()
    if claimed.isEmpty { claimed = try await tasks.claim() }
    try requireEqual(claimed.map(\.claim.id), [task.claim.id], "resumed")
    guard let found = claimed.first else { throw ConformanceFailure("nothing was resumed") }
    return found
  }

  func names(_ task: ClaimedTask) async throws -> [String] {
    try await flows.steps(of: task.claim.id).map(\.name)
  }

  /// The same with another token.
  func forged(_ task: ClaimedTask) -> ClaimedTask {
    task.with(Claim(id: task.claim.id, token: task.claim.token &+ 1))
  }
}

extension FlowStep {
  fileprivate init(_ name: String, _ number: Int, place: Int) { self.init("\(name)#\(number)", .step, place: place) }
}

extension ClaimedTask {
  fileprivate func with(_ claim: Claim) -> ClaimedTask {
    ClaimedTask(
      claim: claim,
      queue: queue,
      type: type,
      priority: priority,
      payload: payload,
      headers: headers,
      attempt: attempt,
      failures: failures,
      crashes: crashes,
      maxAttempts: maxAttempts,
      retry: retry,
      deadline: deadline,
      createdAt: createdAt,
      dueAt: dueAt,
      claimedAt: claimedAt,
      isCancelRequested: isCancelRequested,
      steps: steps
    )
  }
}

/// - Throws: ``ConformanceFailure`` if it is nil.
private func requirePresent<Value>(_ value: Value?, _ what: String) throws -> Value {
  guard let value else { throw ConformanceFailure("\(what) is missing") }
  return value
}
