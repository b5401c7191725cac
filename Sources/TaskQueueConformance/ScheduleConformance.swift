@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An empty store that keeps schedules.
@_spi(Store) public protocol ScheduleHarness: StoreHarness {
  var schedules: any ScheduleStore { get }
}

/// The contract of `ScheduleStore` as checks that every store with schedules passes.
@_spi(Store) public enum ScheduleConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence.
    public let name: String
    private let body: @Sendable (ScheduleProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (ScheduleProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any ScheduleHarness) async throws {
      try await body(
        ScheduleProbe(harness, start: try await harness.schedules.fire([], look: 0, within: .seconds(60)).storeTime)
      )
    }
  }

  /// Every check.
  public static let all: [Check] = slots + definitions

  private static let slots: [Check] = [
    Check("A schedule is planned from now on, and each of its slots has one task that knows it") { probe in
      try await probe.put("a")
      try requireEqual(try await probe.turn(), 0, "tasks of a schedule that is new")
      try requireEqual(try await probe.get("a").nextSlot, try await probe.slot(1), "the first slot")
      try await probe.period()
      try requireEqual(try await probe.turn(), 1, "tasks of the first slot")
      let task = try await probe.tasks()[0]
      let schedule = try await probe.get("a")
      try requireEqual(schedule.lastTask, task.id, "the last task")
      try requireEqual(ScheduledSlot(headers: task.headers)?.schedule, "a", "the schedule's name")
      try requireEqual(ScheduledSlot(headers: task.headers)?.instant, schedule.lastSlot, "the slot")
      try requireEqual(schedule.nextSlot, try await probe.slot(1), "the next slot")
      try requireEqual(try await probe.turn(), 0, "tasks before the next slot")
    },
    Check("The tasks of a schedule keep to its limit, which has to be declared") { probe in
      let limit = TaskLimit("conformance", key: "nightly", weight: 3)
      do {
        try await probe.put("a") { $0.task.limit = limit }
        throw ConformanceFailure("A schedule whose limit was never declared was taken")
      } catch let error as TaskQueueError {
        try requireEqual(error.code, .unknownLimit, "the error")
      }
      try await probe.store.declare([LimitRule("conformance", concurrency: 1)])
      try await probe.put("a") { $0.task.limit = limit }
      _ = try await probe.turn()
      try await probe.period()
      try requireEqual(try await probe.turn(), 1, "tasks of the first slot")
      try requireEqual(try await probe.get("a").definition.limit, limit, "the schedule's limit")
      try requireEqual(try await probe.tasks()[0].limit?.line, limit.line, "the task's limit")
    },
    Check("A firing counts once, only as the schedule was seen, and not before its time") { probe in
      try await probe.put("a")
      _ = try await probe.turn()
      let planned = try await probe.get("a")
      let early = ScheduleFiring(
        name: "a",
        revision: 1,
        seenSlot: planned.nextSlot,
        slots: [try await probe.slot(1)],
        nextSlot: try await probe.slot(2),
        nextAt: try await probe.slot(2)
      )
      try requireEqual(try await probe.fire([early]).firedCount, 0, "firings before their time")
      try await probe.period()
      let due = try await probe.fire([]).due
      try requireEqual(due.map(\.name), ["a"], "due schedules")
      let firing = SchedulePlanner.firing(of: due[0], at: try await probe.fire([]).storeTime)
      let later = try await probe.slot(7)
      let changes: [(inout ScheduleFiring) -> Void] = [
        { $0.revision += 1 }, { $0.seenSlot = nil }, { $0.seenSlot = later }, { $0.name = "b" },
      ]
      for change in changes {
        var other = firing
        change(&other)
        try requireEqual(try await probe.fire([other]).firedCount, 0, "firings of what was not seen so")
      }
      try require(try await probe.tasks().isEmpty, "a firing that does not count made a task")
      try requireEqual(try await probe.fire([firing]).firedCount, 1, "firings")
      try requireEqual(try await probe.fire([firing]).firedCount, 0, "firings of the same slot again")
      try requireEqual(try await probe.tasks().count, 1, "tasks")
    },
    Check("At the same time, many fire the same slots: each slot has one task") { probe in
      for number in 1...20 { try await probe.put("s\(number)") }
      _ = try await probe.turn()
      try await probe.period()
      let counts = try await withThrowingTaskGroup(of: Int.self) { group in
        for _ in 1...8 { group.addTask { try await probe.turn() } }
        return try await group.reduce(into: []) { $0.append($1) }
      }
      let tasks = try await probe.tasks()
      try requireEqual(tasks.count, 20, "tasks, of which \(counts) were counted")
      try requireEqual(Set(tasks.compactMap { ScheduledSlot(headers: $0.headers)?.schedule }).count, 20, "schedules")
    },
    Check("Missed slots are made up for as the schedule says, oldest first") { probe in
      try await probe.put("last")
      try await probe.put("all") { $0.catchUp = .all(atMost: 3) }
      _ = try await probe.turn()
      for _ in 1...5 { try await probe.period() }
      _ = try await probe.turn()
      let slots = try await probe.tasks().compactMap { ScheduledSlot(headers: $0.headers) }
      try requireEqual(
        slots.filter { $0.schedule == "last" }.map(\.instant),
        [try await probe.slot(0)],
        "the last slot"
      )
      try requireEqual(
        slots.filter { $0.schedule == "all" }.map(\.instant),
        [try await probe.slot(-2), try await probe.slot(-1), try await probe.slot(0)],
        "the last three slots"
      )
      try requireEqual(try await probe.get("all").lastSlot, try await probe.slot(0), "the last slot")
    },
    Check("Overlap: queue adds a task, skip adds none, replace gives the waiting one the new slot") { probe in
      for overlap in [ScheduleOptions.Overlap.queue, .skip, .replace] {
        try await probe.put(overlap.rawValue) { $0.overlap = overlap }
      }
      _ = try await probe.turn()
      try await probe.period()
      _ = try await probe.turn()
      let first = try await probe.get("skip").lastTask
      try await probe.period()
      _ = try await probe.turn()
      let made = try await probe.tasks().compactMap { ScheduledSlot(headers: $0.headers) }
      func slots(_ name: String) -> [Date] { made.filter { $0.schedule == name }.map(\.instant) }
      // What was made a period ago keeps its slot's text in every store.
      try requireEqual(slots("queue").count, 2, "tasks with queue")
      try requireEqual(slots("skip").count, 1, "tasks with skip")
      try requireEqual(slots("replace"), [try await probe.slot(0)], "slots with replace")
      try requireEqual(try await probe.get("skip").lastTask, first, "the last task with skip")
      try requireEqual(try await probe.get("skip").nextSlot, try await probe.slot(1), "the next slot with skip")
    },
    Check("A rule that cannot be read makes no tasks, says why, and keeps its slot") { probe in
      try await probe.put("a")
      _ = try await probe.turn()
      try await probe.period()
      let due = try await probe.fire([]).due
      var firing = ScheduleFiring(name: "a", revision: due[0].revision, seenSlot: due[0].slot)
      firing.problem = "unreadable"
      try requireEqual(try await probe.fire([firing]).firedCount, 1, "firings")
      let broken = try await probe.get("a")
      try requireEqual(broken.problem, "unreadable", "problem")
      try requireEqual(broken.nextSlot, try await probe.slot(0), "slot")
      try requireEqual(try await probe.fire([]).due.count, 0, "due at once")
      try await probe.advance(by: .seconds(310))
      try requireEqual(try await probe.fire([]).due.count, 1, "due after 5 minutes")
      try require(try await probe.tasks().isEmpty, "a task was made")
    },
    Check("The look says how long until the next slot, and takes no more than it was asked for") { probe in
      try requireEqual(try await probe.fire([]).hasAny, false, "whether there is any")
      for number in 1...5 { try await probe.put("s\(number)") }
      let look = try await probe.fire([], look: 3)
      try requireEqual(look.due.count, 3, "due")
      _ = try await probe.turn()
      let next = try await probe.fire([])
      try require(next.hasAny, "there are schedules")
      let wait = try requirePresent(next.nextDueIn, "the wait") / .seconds(1)
      try require(abs(wait - ScheduleProbe.periodSeconds) < StoreProbe.toleranceSeconds, "the wait is \(wait) s")
    },
  ]

  private static let definitions: [Check] = [
    Check("What people change stays theirs when programs declare it again, until it is reset") { probe in
      let (one, two, three) = (try probe.definition("1"), try probe.definition("2"), try probe.definition("3"))
      try await probe.declare("a", one)
      try await probe.declare("a", one)
      try requireEqual(try await probe.get("a").definition.payload, one.payload, "declared")
      try await probe.declare("a", two)
      try requireEqual(try await probe.get("a").definition.payload, two.payload, "declared anew")
      try require(try await !probe.get("a").isChanged, "a declaration counts as a change")
      try await probe.schedules.putSchedules([("a", three)], asDeclared: false, within: nil)
      try await probe.declare("a", one)
      let changed = try await probe.get("a")
      try requireEqual(changed.definition.payload, three.payload, "changed by people")
      try require(changed.isChanged, "it is not known as changed")
      try requireEqual(changed.declared?.payload, one.payload, "what is declared")
      try require(try await probe.schedules.resetSchedule("a"), "it was not reset")
      try requireEqual(try await probe.get("a").definition.payload, one.payload, "reset")
      try require(try await !probe.get("a").isChanged, "it is still changed")
      try await probe.put("own")
      try require(try await !probe.schedules.resetSchedule("own"), "what no program declares was reset")
      try require(try await !probe.get("own").isChanged, "what no program declares counts as changed")
    },
    Check("Another rule is planned anew, another payload keeps the plan") { probe in
      try await probe.put("a")
      _ = try await probe.turn()
      try await probe.put("a", payload: "2")
      try requireEqual(
        try await probe.get("a").nextSlot,
        try await probe.slot(1),
        "the slot after a change of the payload"
      )
      var definition = try await probe.get("a").definition
      let anchor = try await probe.slot(0)
      definition.setRule(try .every(.seconds(7_200_000), anchor: anchor))
      try await probe.schedules.putSchedules([("a", definition)], asDeclared: false, within: nil)
      try require(try await probe.get("a").nextSlot == nil, "the slot of the old rule stays")
      _ = try await probe.turn()
      try requireEqual(try await probe.get("a").nextSlot, try await probe.slot(2), "the slot of the new rule")
    },
    Check("A paused schedule makes nothing, also when it is declared again; resumed, it does not make up for it") {
      probe in
      try await probe.declare("a", try probe.definition())
      _ = try await probe.turn()
      try require(try await probe.schedules.pauseSchedule("a"), "not paused")
      try await probe.period()
      try await probe.declare("a", try probe.definition("other"))
      try requireEqual(try await probe.turn(), 0, "tasks of a paused schedule")
      try require(try await probe.get("a").isPaused, "a declaration resumed it")
      try require(try await probe.get("a").nextSlot == nil, "a paused schedule has a next slot")
      try require(try await probe.schedules.resumeSchedule("a"), "not resumed")
      try require(try await probe.schedules.resumeSchedule("a"), "resuming is not idempotent")
      try requireEqual(try await probe.turn(), 0, "tasks after the pause")
      try requireEqual(try await probe.get("a").nextSlot, try await probe.slot(1), "the next slot")
      try require(try await !probe.schedules.pauseSchedule("b"), "an unknown schedule was paused")
      try require(try await !probe.schedules.resumeSchedule("b"), "an unknown schedule was resumed")
    },
    Check("Run now makes a task besides the slots; a backfill makes one task per slot, once") { probe in
      try await probe.put("a")
      _ = try await probe.turn()
      try require(try await probe.schedules.pauseSchedule("a"), "not paused")
      let now = try requirePresent(try await probe.schedules.runSchedule("a"), "a task")
      try require(now.isNew, "it is not new")
      let slots = [try await probe.slot(-2), try await probe.slot(-1)]
      let filled = try await probe.schedules.backfillSchedule("a", slots: slots)
      try requireEqual(filled.map(\.isNew), [true, true], "filled back")
      let again = try await probe.schedules.backfillSchedule("a", slots: slots + [try await probe.slot(-3)])
      try requireEqual(again.map(\.isNew), [false, false, true], "filled back again")
      try requireEqual(again.prefix(2).map(\.id), filled.map(\.id), "the ids")
      let tasks = try await probe.tasks().filter { $0.id != now.id }
      try requireEqual(
        tasks.compactMap { ScheduledSlot(headers: $0.headers)?.instant },
        slots + [try await probe.slot(-3)],
        "slots"
      )
      try require(try await probe.schedules.runSchedule("b") == nil, "an unknown schedule ran")
      try requireEqual(
        try await probe.schedules.backfillSchedule("b", slots: slots).count,
        0,
        "tasks of an unknown one"
      )
    },
    Check("Schedules are listed by name, page by page, and removed") { probe in
      for name in ["b", "a", "c", "B"] { try await probe.put(name) }
      try requireEqual(try await probe.schedules.schedules(after: nil, limit: 2).map(\.name), ["B", "a"], "first page")
      try requireEqual(
        try await probe.schedules.schedules(after: "a", limit: 9).map(\.name),
        ["b", "c"],
        "second page"
      )
      try require(try await probe.schedules.removeSchedule("a"), "not removed")
      try require(try await !probe.schedules.removeSchedule("a"), "removed twice")
      try require(try await probe.schedules.schedule("a") == nil, "still there")
      try requireEqual(try await probe.turn(), 0, "tasks")
    },
    Check("The tasks have the queue, priority, attempts, retry policy and headers of the definition") { probe in
      try await probe.put("a") { options in
        options.task.queue = "reports"
        options.task.priority = 7
        options.task.maxAttempts = 3
        options.task.retry = .fixed(.seconds(9))
        options.task.headers = ["tenant": "7"]
      }
      _ = try await probe.turn()
      try await probe.period()
      _ = try await probe.turn()
      let request = ClaimRequest(
        queues: ["reports"],
        types: [StoreProbe.type],
        limit: 9,
        lease: .seconds(60),
        promotesDue: true
      )
      let claimed = try await probe.store.exchange(settle: [], claim: request).claimed
      try requireEqual(claimed.map(\.priority), [7], "priority")
      try requireEqual(claimed[0].maxAttempts, 3, "attempts")
      try requireEqual(claimed[0].retry, RetryPolicy.fixed(.seconds(9)).stored, "retry")
      try requireEqual(claimed[0].headers["tenant"], "7", "header")
      try requireEqual(claimed[0].headers.count, 3, "headers")
    },
  ]
}

/// - Throws: ``ConformanceFailure`` if it is nil.
private func requirePresent<Value>(_ value: Value?, _ what: String) throws -> Value {
  guard let value else { throw ConformanceFailure("\(what) is missing") }
  return value
}
