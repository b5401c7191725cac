@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An empty store that knows its workers.
@_spi(Store) public protocol WorkerHarness: StoreHarness {
  var workers: any WorkerStore { get }
  /// The sentences of an explanation as the store itself says them, to other languages; nil: it does not.
  func sentences(of id: TaskID) async throws -> [String]?
}

/// The contract of `WorkerStore` as checks that every store passes.
@_spi(Store) public enum WorkerConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (WorkerProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (WorkerProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any WorkerHarness) async throws { try await body(WorkerProbe(harness)) }
  }

  /// Every check.
  public static let all: [Check] = [
    Check("S52 a worker is listed from its first report to its end, or until it has not reported for 2 minutes") {
      probe in
      let first = try await probe.work("b", queues: ["x", "y"], types: ["t", "u"], slots: 7)
      let second = try await probe.work("a")
      let listed = try await probe.workers.workers()
      try requireEqual(listed.map(\.name), ["a", "b"], "names")
      try requireEqual(listed[1].id, first, "id")
      try requireEqual(listed[1].queues, ["x", "y"], "queues")
      try requireEqual(listed[1].types, ["t", "u"], "types")
      try requireEqual(listed[1].slots, 7, "slots")
      try await probe.store.advance(by: .seconds(60))
      try await probe.work("b", id: first, queues: ["x", "y"], types: ["t", "u"])
      let later = try await probe.workers.workers()[1]
      try require(later.seenAt.timeIntervalSince(later.startedAt) > 50, "it does not say when it was seen")
      try requireEqual(later.queues, ["x", "y"], "queues of the second report")
      try await probe.work("b", id: first, queues: [], types: [])
      let draining = try await probe.workers.workers()[1]
      try require(draining.queues.isEmpty && draining.types.isEmpty, "one that shuts down serves something")
      try await probe.store.advance(by: .seconds(70))
      try requireEqual(try await probe.workers.workers().map(\.id), [first], "workers that report")
      try await probe.work("a", id: second)
      try requireEqual(try await probe.workers.workers().count, 2, "workers after one came back")
      for _ in 1...2 { try await probe.workers.forgetWorker(first, within: .seconds(60)) }
      try requireEqual(try await probe.workers.workers().map(\.id), [second], "workers after one ended")
    },
    Check("S52 what never was and what is gone are told apart") { probe in
      let id = try await probe.store.enqueue().id
      try await probe.expect(TaskID(id.rawValue + 1), [.unknown])
      try await probe.expect(TaskID(0), [.unknown])
      try await probe.expect(TaskID(-7), [.unknown])
      try await probe.store.settleHeld(try await probe.store.claimOnly(id), .complete)
      try await probe.expect(id, [.gone])
    },
    Check("S52 a task that is kept says when it completed, and until when it is kept") { probe in
      let task = try await probe.store.claimOnly(try await probe.store.enqueue().id)
      try await probe.store.settleHeld(task, .conclude(Conclusion(retain: .seconds(1_000))))
      try await probe.expect(task.claim.id) {
        if case .done(let at, let until) = $0 { abs(until.timeIntervalSince(at) - 1_000) < 1 } else { false }
      }
      try await probe.store.advance(by: .seconds(1_001))
      try await probe.expect(task.claim.id) { if case .done = $0 { false } else { true } }
    },
    Check("S52 a finished task says until when its unique key counts") { probe in
      let id = try await probe.store.enqueue { $0.unique = UniqueKey("k", periodAfterCompletion: .seconds(1_000)) }.id
      try await probe.store.settleHeld(try await probe.store.claimOnly(id), .complete)
      try await probe.expect(id) { if case .finished = $0 { true } else { false } }
    },
    Check("S52 a dead letter says why it is one") { probe in
      let id = try await probe.store.enqueue().id
      let task = try await probe.store.claimOnly(id)
      try await probe.store.settleHeld(task, .bury(.failed, detail: "no use", StoreProbe.failure()))
      try await probe.expect(id) { if case .dead(.failed, "no use", "broken", _) = $0 { true } else { false } }
      let cancelled = try await probe.store.enqueue().id
      _ = try await probe.store.store.cancel(cancelled)
      try await probe.expect(cancelled) { if case .dead(.cancelled, nil, nil, _) = $0 { true } else { false } }
    },
    Check("S52 a running task says until when it is held, who may hold it, and what becomes of it afterwards") {
      probe in
      let id = try await probe.store.enqueue { $0.unique = UniqueKey("k", mode: .coalesce) }.id
      try await probe.work("a")
      try await probe.work("b")
      try await probe.work("other", types: ["other"])
      try await probe.store.claimOnly(id)
      try await probe.expect(id) { if case .running(1, _, ["a", "b"], nil) = $0 { true } else { false } }
      try await probe.store.enqueue { $0.unique = UniqueKey("k", mode: .coalesce) }
      try requireEqual(try await probe.explain(id).causes.dropFirst().first, .runsAgain, "mark")
      _ = try await probe.store.store.cancel(id)
      try requireEqual(try await probe.explain(id).causes.dropFirst().first, .cancelRequested(isRunning: true), "mark")
      try await probe.store.advance(by: .seconds(70))
      try await probe.work("a")
      try requireEqual(try await probe.explain(id).causes.first, .cancelRequested(isRunning: false), "afterwards")
    },
    Check("S76 a worker says its version, how many attempts it runs, and which of them for long, until its next report")
    {
      probe in
      let worker = try await probe.work("a", version: "1.4.0", inFlight: 3)
      let fresh = try await probe.workers.workers()[0]
      try requireEqual(fresh.version, "1.4.0", "version")
      try requireEqual(fresh.inFlight, 3, "in flight")
      try requireEqual(fresh.held, [], "held")
      let since = Date(timeIntervalSince1970: 1_700_000_000.25)
      let held = (1...3).map { number in
        HeldAttempt(
          task: TaskID(Int64(number)),
          type: StoreProbe.type,
          attempt: number,
          since: since + Double(number)
        )
      }
      try await probe.work("a", id: worker, version: "1.4.0", inFlight: 4, held: held)
      for _ in 1...2 {
        try requireEqual(try await probe.workers.workers()[0].held, held, "held")
        try requireEqual(try await probe.workers.workers()[0].inFlight, 4, "in flight")
        try await probe.store.advance(by: .seconds(30))
        try await probe.work("a", id: worker, version: "1.4.0", inFlight: 4, held: held)
      }
      try await probe.work("a", id: worker, version: "1.4.0")
      try requireEqual(try await probe.workers.workers()[0].held, [], "held afterwards")
      try requireEqual(try await probe.workers.workers()[0].inFlight, 0, "in flight afterwards")
    },
    Check("S76 a running task says which worker has reported this attempt of it; of several the last one that began it")
    {
      probe in
      let id = try await probe.store.enqueue().id
      let task = try await probe.store.claimOnly(id)
      func held(_ attempt: Int, since: Date) -> [HeldAttempt] {
        [HeldAttempt(task: id, type: StoreProbe.type, attempt: attempt, since: since)]
      }
      let since = task.claimedAt
      let first = try await probe.work("a", held: held(2, since: since))
      try await probe.expect(id) { if case .running(1, _, ["a"], nil) = $0 { true } else { false } }
      try await probe.work("a", id: first, held: held(1, since: since - 60))
      try await probe.work("b", held: held(1, since: since))
      try await probe.work("c")
      let seenAt = try await probe.workers.workers()[1].seenAt
      try await probe.expect(id) { cause in
        guard case .running(1, _, ["a", "b", "c"], let holder?) = cause else { return false }
        return holder.worker == "b" && abs(holder.since.timeIntervalSince(since)) < 0.001
          && abs(holder.seenAt.timeIntervalSince(seenAt)) < 0.001
      }
      try await probe.store.settleHeld(task, .complete)
      try await probe.expect(id, [.gone])
    },
    Check("S52 a task whose lease ran out is to be taken over") { probe in
      let id = try await probe.store.enqueue().id
      try await probe.store.claimOnly(id)
      try await probe.store.advance(by: .seconds(70))
      try await probe.work("a")
      try await probe.expect(id) { if case .leaseEnded(1, _) = $0 { true } else { false } }
    },
    Check("S52 a waiting task says until when, and after what") { probe in
      try await probe.work("a")
      let late = try await probe.store.enqueue { $0.schedule = .after(.seconds(1_000)) }.id
      try await probe.expect(late) { if case .delayed = $0 { true } else { false } }
      let id = try await probe.store.enqueue().id
      let task = try await probe.store.claimOnly(id)
      try await probe.store.settleHeld(task, .fail(StoreProbe.failure(), retryAfter: .seconds(100)))
      try await probe.expect(id) { if case .retrying(1, _, "broken") = $0 { true } else { false } }
    },
    Check("S52 a flow that waits says for which events and sleeps, the first to end first") { probe in
      try await probe.work("a")
      let task = try await probe.store.claimOnly(try await probe.store.enqueue().id)
      let waits = [
        FlowWait("~event/k", place: 1, end: .never, event: "k"),
        FlowWait("~event/l", place: 2, end: .after(.seconds(600)), event: "l"),
        FlowWait("nap", place: 3, end: .after(.seconds(300))),
      ]
      try await probe.store.settleHeld(task, .suspend(waits))
      let causes = try await probe.explain(task.claim.id).causes
      guard case .sleeping("nap", _) = causes[0], case .event("l", _?) = causes[1] else {
        throw ConformanceFailure("the causes are \(causes)")
      }
      try requireEqual(Array(causes.dropFirst(2)), [.event("k", until: nil)], "without an end")
    },
    Check("S52 a due task is next, or so many come before it") { probe in
      try await probe.work("a")
      let ids = try await probe.store.store.enqueue(try (0..<3).map { _ in try probe.store.newTask() }).map(\.id)
      try await probe.expect(ids[0], [.next])
      try await probe.expect(ids[2], [.behind(count: 2, isMore: false)])
      try await probe.store.enqueue(StoreProbe.otherType) { $0.priority = 1 }
      try await probe.store.enqueue { $0.priority = 1 }
      try await probe.expect(ids[2], [.behind(count: 3, isMore: false)])
      _ = try await probe.store.claim(limit: 1)
      try await probe.expect(ids[2], [.behind(count: 2, isMore: false)])
      let last = try await probe.store.enqueue { $0.priority = 200 }.id
      let many = try (0..<1_001).map { _ in try probe.store.newTask() }
      _ = try await probe.store.store.enqueue(many)
      try await probe.expect(last, [.behind(count: 1_000, isMore: true)])
    },
    Check("S52 a paused queue, one that nobody serves, and a type without a handler are told") { probe in
      let id = try await probe.store.enqueue().id
      try await probe.expect(id, [.noWorker(.default)])
      try await probe.work("a", types: [StoreProbe.otherType])
      try await probe.work("b", queues: ["other"])
      try await probe.expect(id, [.noWorkerForType(StoreProbe.type, .default, workers: 1)])
      try await probe.store.store.pause(.default)
      let paused = try await probe.explain(id).causes
      guard case .queuePaused(.default, _) = paused[0] else { throw ConformanceFailure("the cause is \(paused)") }
      try requireEqual(paused.count, 2, "causes")
      try await probe.store.store.resume(.default)
      try await probe.work("c")
      try await probe.expect(id, [.next])
    },
    Check("S52 a deadline that has passed is told") { probe in
      try await probe.work("a")
      let deadline = Date(timeIntervalSince1970: 1_000_000_000)
      let id = try await probe.store.enqueue { $0.deadline = deadline }.id
      try await probe.expect(id, [.deadlinePassed(at: deadline)])
    },
    Check("S52 a task in line says its place, and who has the slots until when") { probe in
      try await probe.work("a")
      try await probe.store.store.declare([LimitRule("bank", concurrency: 2)])
      let limit = TaskLimit("bank", key: "7")
      let ids = try await probe.store.store.enqueue(
        try (0..<5).map { _ in try probe.store.newTask { $0.limit = limit } }
      ).map(\.id)
      let claimed = try await probe.store.claim()
      try requireEqual(Set(claimed.map(\.claim.id)), Set(ids.prefix(2)), "admitted")
      let urgent = try await probe.store.enqueue {
        $0.limit = limit
        $0.priority = 1
      }.id
      try await probe.expect(urgent) { cause in
        guard case .limited(limit, 1, false, 2, 2, let holders) = cause else { return false }
        return Set(holders.map(\.task)) == Set(ids.prefix(2)) && holders.allSatisfy { $0.until != nil }
      }
      try await probe.expect(ids[4]) { if case .limited(limit, 4, false, 2, 2, _) = $0 { true } else { false } }
      try await probe.store.store.change("bank", .pause)
      try requireEqual(try await probe.explain(ids[4]).cause, .limitPaused(limit), "paused")
    },
    Check("S52 an ordered line tells which task or dead letter holds it up") { probe in
      try await probe.work("a")
      try await probe.store.store.declare([LimitRule("account", order: .ordered(afterDeadLetter: .hold))])
      let limit = TaskLimit("account")
      let ids = try await probe.store.store.enqueue(
        try (0..<2).map { _ in try probe.store.newTask { $0.limit = limit } }
      ).map(\.id)
      let first = try await probe.store.claimOnly(ids[0])
      try await probe.store.settleHeld(first, .fail(StoreProbe.failure(), retryAfter: .seconds(100)))
      try await probe.expect(ids[1]) { if case .limitWaits(limit, ids[0], _) = $0 { true } else { false } }
      try await probe.store.advance(by: .seconds(110))
      try await probe.work("a")
      let again = try await probe.store.claimOnly(ids[0])
      try await probe.store.settleHeld(again, .bury(.failed, detail: nil, StoreProbe.failure()))
      try requireEqual(try await probe.explain(ids[1]).cause, .limitHeld(limit, deadLetter: ids[0]), "held")
    },
    Check("S52 a rate says when it admits the next one by that one's weight; one that is late waits for no rate") {
      probe in
      try await probe.work("a")
      try await probe.store.store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(1_000), burst: 3))])
      let limit = TaskLimit("bank", key: "x")
      let first = try await probe.store.enqueue { $0.limit = limit }.id
      let now = try await probe.store.live(first).dueAt
      let ids = try await probe.store.store.enqueue(
        try [3, 1].map { weight in
          try probe.store.newTask { $0.limit = TaskLimit("bank", key: "x", weight: weight) }
        }
      ).map(\.id)
      try await probe.store.claimOnly(first)
      try await probe.expect(ids[1]) { cause in
        guard case .limitRate(limit, let at, isAdmitted: false) = cause else { return false }
        return abs(at.timeIntervalSince(now) - 1_000) < 60
      }
      let late = try await probe.store.enqueue {
        $0.limit = limit
        $0.deadline = Date(timeIntervalSince1970: 1_000_000_000)
      }.id
      let causes = try await probe.explain(late).causes
      let isHeld = causes.contains { if case .limitRate = $0 { true } else { false } }
      try require(!isHeld, "the causes are \(causes)")
    },
    Check("S52 a rate says when it admits the next one, and a key that is paused when that ends") { probe in
      try await probe.work("a")
      try await probe.store.store.declare([LimitRule("bank", rate: LimitRate(1, per: .seconds(1_000), burst: 2))])
      let limit = TaskLimit("bank", key: "x")
      let ids = try await probe.store.store.enqueue(
        try (0..<3).map { _ in try probe.store.newTask { $0.limit = limit } }
      ).map(\.id)
      try requireEqual(try await probe.store.claim().map(\.claim.id), Array(ids.prefix(2)), "the burst")
      try await probe.expect(ids[2]) { if case .limitRate(limit, _, isAdmitted: false) = $0 { true } else { false } }
      try await probe.store.store.pause(limit, for: .seconds(10))
      try await probe.expect(ids[2]) { if case .limitClosed(limit, _) = $0 { true } else { false } }
    },
  ]
}

/// Short forms for the checks.
struct WorkerProbe: Sendable {
  private let harness: any WorkerHarness
  let store: StoreProbe
  var workers: any WorkerStore { harness.workers }

  init(_ harness: any WorkerHarness) {
    self.harness = harness
    store = StoreProbe(harness)
  }

  /// A worker's report.
  @discardableResult
  func work(
    _ name: String,
    id: UUID = UUID(),
    queues: [QueueName] = [.default],
    types: [TaskType] = [StoreProbe.type],
    slots: Int = 1,
    version: String? = nil,
    inFlight: Int = 0,
    held: [HeldAttempt] = []
  ) async throws -> UUID {
    let report = WorkerReport(
      id: id,
      name: name,
      queues: queues,
      types: types,
      slots: slots,
      version: version,
      inFlight: inFlight,
      held: held
    )
    try await workers.note(report, within: .seconds(60))
    return id
  }

  /// In the store's words it is the same.
  func explain(_ id: TaskID) async throws -> TaskExplanation {
    let explanation = try await workers.explain(id)
    try requireEqual(explanation.id, id, "the id")
    if let sentences = try await harness.sentences(of: id) {
      try requireEqual(sentences, explanation.sentences, "the sentences")
    }
    return explanation
  }

  func expect(
    _ id: TaskID,
    _ causes: [TaskExplanation.Cause],
    fileID: String = #fileID,
    line: Int = #line
  ) async throws {
    try requireEqual(try await explain(id).causes, causes, "the causes", fileID: fileID, line: line)
  }

  /// The first cause.
  func expect(
    _ id: TaskID,
    fileID: String = #fileID,
    line: Int = #line,
    _ isRight: (TaskExplanation.Cause) -> Bool
  ) async throws {
    let causes = try await explain(id).causes
    try require(isRight(causes[0]), "the causes are \(causes)", fileID: fileID, line: line)
  }
}
