@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An empty store that people operate.
@_spi(Store) public protocol OperatingHarness: StoreHarness {
  var operating: any OperatingStore { get }
  var keeper: any RetentionStore { get }
  var ledger: any EffectLedger { get }
  var schedules: any ScheduleStore { get }
  var workers: any WorkerStore { get }
}

/// The contract of `OperatingStore` and `RetentionStore` as checks that every store passes.
@_spi(Store) public enum OperatingConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (OperatingProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (OperatingProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any OperatingHarness) async throws { try await body(OperatingProbe(harness)) }
  }

  /// Every check.
  public static var all: [Check] { lists + details + actions + retention }

  static let lists: [Check] = [
    Check("S70 a list has the tasks of each state, newest first") { probe in
      let made = try await probe.oneOfEach()
      for (state, id) in made { try requireEqual(try await probe.list { $0.state = state }, [id], "\(state)") }
      let live = made.filter { ![.dead, .done].contains($0.key) }.values
      try requireEqual(try await probe.list(), live.sorted().reversed(), "live tasks")
    },
    Check("S70 its conditions hold together, and those that nothing can meet are refused") { probe in
      let mail = try await probe.tasks.enqueue { $0.queue = "mail" }.id
      let other = try await probe.tasks.enqueue(StoreProbe.otherType) { $0.queue = "mail" }.id
      let plain = try await probe.tasks.enqueue().id
      try requireEqual(try await probe.list { $0.queue = "mail" }, [other, mail], "of a queue")
      try requireEqual(try await probe.list { $0.type = StoreProbe.type }, [plain, mail], "of a type")
      try requireEqual(try await probe.list { $0.type = "conformance.*" }, [plain, other, mail], "of such types")
      try requireEqual(try await probe.list { $0.type = "conformance.b*" }, [other], "of one that is the beginning")
      try requireEqual(try await probe.list { $0.type = "b*" }, [], "of types that begin otherwise")
      try requireEqual(
        try await probe.list {
          $0.queue = "mail"
          $0.type = StoreProbe.otherType
          $0.state = .due
        },
        [other],
        "of queue, type and state"
      )
      try requireEqual(try await probe.list { $0.createdAfter = .distantPast }, [plain, other, mail], "since ever")
      try requireEqual(try await probe.list { $0.createdBefore = .distantPast }, [], "before")
      for impossible in [
        TaskFilter.with { $0.state = TaskState(rawValue: "asleep") },
        .with { ($0.state, $0.reason) = (.due, .failed) }, .with { ($0.state, $0.error) = (.done, "x") },
      ] {
        try requireEqual(try await StoreProbe.errorCode { try impossible.validate() }, .invalidOption, "\(impossible)")
      }
    },
    Check("S70 the text of the last error is found, whatever its letters' case") { probe in
      let id = try await probe.tasks.enqueue().id
      let task = try await probe.tasks.claimOnly(id)
      let closed = StoreProbe.failure("HTTP 503 from the Bank")
      try await probe.tasks.settleHeld(task, .fail(closed, retryAfter: .seconds(60)))
      let letter = try await probe.tasks.enqueue().id
      let doomed = try await probe.tasks.claimOnly(letter)
      let failure = StoreProbe.failure("bank is closed")
      try await probe.tasks.settleHeld(doomed, .bury(.failed, detail: "no more", failure))
      try requireEqual(try await probe.list { $0.error = "http 503" }, [id], "of live ones")
      try requireEqual(try await probe.list { $0.error = "404" }, [], "another one")
      try requireEqual(try await probe.list { ($0.state, $0.error) = (.dead, "BANK") }, [letter], "of dead ones")
      try requireEqual(try await probe.list { ($0.state, $0.type) = (.dead, "conf*") }, [letter], "dead ones")
      try requireEqual(try await probe.list { $0.reason = .failed }, [letter], "by reason")
      try requireEqual(try await probe.list { $0.reason = .expired }, [], "by another reason")
    },
    Check("S70 a dead letter without an error shows why it was put aside, and is found by that") { probe in
      let id = try await probe.tasks.enqueue().id
      let task = try await probe.tasks.claimOnly(id)
      try await probe.tasks.settleHeld(task, .bury(.discarded, detail: "no such Person", nil))
      let page = try await probe.page(limit: 1) { $0.state = .dead }
      try requireEqual(page.tasks.map(\.lastError), ["no such Person"], "the reason in a list")
      try requireEqual(try await probe.detail(id).summary.lastError, "no such Person", "the reason in a detail")
      try requireEqual(try await probe.list { ($0.state, $0.error) = (.dead, "person") }, [id], "found by the reason")
    },
    Check("S70 pages go on where the one before ended, whatever ends or is added meanwhile") { probe in
      var ids: [TaskID] = []
      for _ in 0..<7 { ids.append(try await probe.tasks.enqueue().id) }
      let first = try await probe.page(limit: 3)
      try requireEqual(first.tasks.map(\.id), ids.suffix(3).reversed(), "the first page")
      _ = try await probe.tasks.enqueue()
      _ = try await probe.store.cancel(ids[3])
      let cursor = try probe.next(first)
      let again = TaskCursor(cursor.description)
      try requireEqual(again, cursor, "a cursor from its text")
      let second = try await probe.page(after: again, limit: 3)
      try requireEqual(second.tasks.map(\.id), [ids[2], ids[1], ids[0]], "the second page")
      try require(second.next == nil, "the last page says that there is another one")
      try requireEqual(
        try await StoreProbe.errorCode { _ = try await probe.page(after: TaskCursor("nonsense")) },
        .invalidOption,
        "a cursor of something else"
      )
    },
    Check("S70 running and limited tasks are found in front of many others") { probe in
      try await probe.store.declare([LimitRule("bank", concurrency: 1)])
      var limited: [TaskID] = []
      let limit = TaskLimit("bank", key: "7")
      for _ in 0..<3 { limited.append(try await probe.tasks.enqueue { $0.limit = limit }.id) }
      var due: [TaskID] = []
      for _ in 0..<3 { due.append(try await probe.tasks.enqueue().id) }
      let claimed = try await probe.tasks.claim(limit: 2).map(\.claim.id)
      let running = try await probe.list { $0.state = .running }
      try requireEqual(running, claimed.sorted().reversed(), "running")
      try requireEqual(
        try await probe.list { ($0.state, $0.queue) = (.running, .default) },
        running,
        "running, of a queue"
      )
      let waiting = try await probe.list { ($0.state, $0.limit) = (.limited, TaskLimit("bank", key: "7")) }
      try requireEqual(waiting, [limited[2], limited[1]], "in line")
      try requireEqual(
        try await probe.list { $0.limit = TaskLimit("bank", key: "7") },
        limited.reversed(),
        "of a limit, in any state"
      )
      let lines = try await probe.operating.limitLines(of: "bank", after: nil, limit: 10)
      try requireEqual(lines.map(\.limit), [TaskLimit("bank", key: "7")], "keys of the limit")
      try requireEqual([lines[0].taken.value, lines[0].waiting.value], [1, 2], "slots and line")
      try requireEqual(
        try await probe.operating.limitLines(of: "bank", after: "7", limit: 10).count,
        0,
        "keys behind the last one"
      )
    },
    Check("S71 the overview has each queue with bounded counts") { probe in
      _ = try await probe.oneOfEach()
      try await probe.store.pause("night")
      let overview = try await probe.operating.overview()
      try requireEqual(overview.queues.map(\.queue.rawValue), ["default", "night"], "queues")
      let queue = overview.queues[0]
      try requireEqual(
        [queue.due, queue.limited, queue.running, queue.waiting, queue.dead].map(\.description),
        ["1", "1", "1", "1", "1"],
        "due, limited, running, waiting, dead"
      )
      try require(queue.oldestDueAt != nil, "since when the oldest is due")
      try require(queue.pausedSince == nil && overview.queues[1].pausedSince != nil, "which is paused")
      try requireEqual(overview.unsettledEffects, .zero, "effects")
      try require(!overview.isStandby, "it is no standby")
    },
  ]

  static let details: [Check] = [
    Check("S72 a detail tells all of a live task, and payloads only if asked for") { probe in
      let report = WorkerReport(id: UUID(), name: "w", queues: [.default], types: [StoreProbe.type], slots: 1)
      try await probe.workers.note(report, within: .seconds(60))
      let id = try await probe.tasks.enqueue(json: #"{"secret":1}"#) {
        $0.headers = ["a": "b"]
        $0.maxAttempts = 7
        $0.unique = UniqueKey("u")
      }.id
      let task = try await probe.tasks.claimOnly(id)
      try await probe.tasks.settleHeld(task, .fail(StoreProbe.failure("first"), retryAfter: .seconds(60)))
      let detail = try await probe.detail(id)
      try requireEqual(detail.summary.state, .waiting, "state")
      try requireEqual([detail.summary.attempt, detail.summary.failures], [1, 1], "attempt and failures")
      try requireEqual(detail.summary.uniqueKey, "u", "unique key")
      try requireEqual(detail.headers["a"], "b", "headers")
      try requireEqual(detail.maxAttempts, 7, "attempts")
      try requireEqual(detail.errors.map(\.message), ["first"], "errors")
      try requireEqual(detail.workers.map(\.name), ["w"], "workers")
      try require(detail.payload == nil, "the payload was not asked for")
      let full = try await probe.detail(id, withPayload: true)
      try requireEqual(full.payload.map { String(decoding: $0, as: UTF8.self) }, #"{"secret":1}"#, "payload")
      guard case .retrying(afterAttempt: 1, until: _, lastError: "first"?) = detail.explanation.cause else {
        throw ConformanceFailure("its explanation is \(detail.explanation)")
      }
    },
    Check("S72 dead and done ones have a detail, too, and what is gone has none") { probe in
      let made = try await probe.oneOfEach()
      let dead = try await probe.detail(made[.dead] ?? TaskID(0))
      try requireEqual(dead.summary.state, .dead, "state of a dead one")
      try requireEqual(dead.summary.reason, .discarded, "reason")
      try requireEqual(dead.deathDetail, "why", "detail of its death")
      let done = try await probe.detail(made[.done] ?? TaskID(0), withPayload: true)
      try requireEqual(done.summary.state, .done, "state of a done one")
      try requireEqual(done.result.map { String(decoding: $0, as: UTF8.self) }, "7", "its result")
      try require(done.keptUntil != nil && done.summary.endedAt != nil, "when it ended, and until when it is kept")
      guard case .done = done.explanation.cause else {
        throw ConformanceFailure("a done task is explained as \(done.explanation)")
      }
      try require(await probe.operating.detail(of: TaskID(99_999), withPayload: false) == nil, "one that never was")
      let gone = try await probe.claimed(made[.due])
      try await probe.tasks.settleHeld(gone, .complete)
      try require(await probe.operating.detail(of: gone.claim.id, withPayload: false) == nil, "one that is gone")
    },
    Check("S72 a flow's detail has its steps and effects") { probe in
      let (task, _) = try await probe.withEffect()
      guard let flows = probe.store as? any FlowStore else { return }
      let step = FlowStep("reserve", .step, place: 1, value: Data("5".utf8))
      try require(await flows.record(step, by: task.claim, repeats: false), "the step was not recorded")
      let detail = try await probe.detail(task.claim.id)
      try require(detail.summary.isFlow, "it is a flow")
      try requireEqual(detail.steps.map(\.name), ["reserve"], "steps")
      try require(detail.steps[0].value == nil, "a value was not asked for")
      try requireEqual(detail.effects.map(\.name), ["charge"], "effects")
      let full = try await probe.detail(task.claim.id, withPayload: true)
      try requireEqual(full.steps[0].value, Data("5".utf8), "its value")
      let overview = try await probe.operating.overview()
      try requireEqual(overview.unsettledEffects, BoundedCount(1), "effects without a known outcome")
      try require(overview.oldestUnsettledAt != nil, "since when")
    },
  ]
}
