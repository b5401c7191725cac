@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An empty store that keeps a history.
@_spi(Store) public protocol HistoryHarness: StoreHarness {
  var history: any HistoryStore { get }
}

/// The contract of `HistoryStore` as checks that every store with a history passes.
@_spi(Store) public enum HistoryConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (HistoryProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (HistoryProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any HistoryHarness) async throws { try await body(HistoryProbe(harness)) }
  }

  /// Every check.
  public static let all: [Check] = [
    Check("S60 a completed task is kept with its result for its time, and not longer") { probe in
      let (kept, resultOnly, plain) = (try await probe.start(), try await probe.start(), try await probe.start())
      try requireEqual(try await probe.ending(kept), .live, "before")
      let result = Data(#"{"x":"é"}"#.utf8)
      try await probe.conclude(kept, result, for: .seconds(3_600))
      try await probe.conclude(resultOnly, result)
      try await probe.tasks.settleHeld(plain, .complete)
      try requireEqual(try await probe.ending(kept), .completed(result), "kept")
      try requireEqual(try await probe.ending(resultOnly), .completed(result), "with a result only")
      try requireEqual(try await probe.ending(plain), .gone, "a plain one")
      let flow = try await probe.start()
      try await probe.conclude(flow, nil)
      try requireEqual(try await probe.ending(flow), .gone, "a flow that returned nothing")
      try await probe.tasks.advance(by: .seconds(3_500))
      try requireEqual(try await probe.ending(kept), .completed(result), "shortly before the end")
      try await probe.tasks.advance(by: .seconds(200))
      try requireEqual(try await probe.ending(kept), .gone, "afterwards")
      try await probe.tasks.advance(by: .seconds(86_400))
      try requireEqual(try await probe.ending(resultOnly), .gone, "a result after a day")
    },
    Check("S60 a task is kept without a result, too, and one of a unique key with a period") { probe in
      let task = try await probe.start()
      try await probe.conclude(task, nil, for: .seconds(60))
      try requireEqual(try await probe.ending(task), .completed(nil), "without a result")
      let id = try await probe.tasks.enqueue { $0.unique = UniqueKey("u", periodAfterCompletion: .seconds(600)) }.id
      let unique = try await probe.tasks.claimOnly(id)
      try await probe.conclude(unique, Data("1".utf8))
      try requireEqual(try await probe.ending(unique), .completed(Data("1".utf8)), "of a unique key")
    },
    Check("S60 a stale claim leaves nothing, nor does a task that runs once more before its last run") { probe in
      let stale = try await probe.start()
      let fresh = try await probe.tasks.takeOver(stale)
      try require(
        await !probe.tasks.settle(stale.claim, .conclude(Conclusion(result: Data("1".utf8)))),
        "a stale claim is applied"
      )
      try requireEqual(try await probe.ending(stale), .live, "after a stale claim")
      try await probe.conclude(fresh, Data("2".utf8))
      try requireEqual(try await probe.ending(stale), .completed(Data("2".utf8)), "the holder's")
      let unique = UniqueKey("u", mode: .coalesce)
      let id = try await probe.tasks.enqueue { $0.unique = unique }.id
      let first = try await probe.tasks.claimOnly(id)
      _ = try await probe.tasks.enqueue { $0.unique = unique }
      try await probe.conclude(first, Data("1".utf8))
      try requireEqual(try await probe.ending(first), .live, "before its last run")
      let second = try await probe.tasks.claimOnly(id)
      try await probe.conclude(second, Data("2".utf8))
      try requireEqual(try await probe.ending(second), .completed(Data("2".utf8)), "its last run")
    },
    Check("S60 a task that was asked to be cancelled and completes all the same has its result") { probe in
      let task = try await probe.start()
      _ = try await probe.tasks.store.cancel(task.claim.id)
      try await probe.conclude(task, Data("1".utf8))
      try requireEqual(try await probe.ending(task), .completed(Data("1".utf8)), "ending")
    },
    Check("S61 a dead letter says why, and an unknown id that it is none") { probe in
      let task = try await probe.start()
      try await probe.tasks.settleHeld(task, .bury(.failed, detail: "why", StoreProbe.failure()))
      let ending = try await probe.ending(task)
      guard case .dead(StoreProbe.type, .failed, detail: "why", lastError: .some) = ending else {
        throw ConformanceFailure("a dead letter ends as \(ending)")
      }
      try requireEqual(try await probe.history.ending(of: TaskID(987_654_321)), .unknown, "an unknown id")
      _ = try await probe.tasks.store.purge(.init(ids: [task.claim.id]))
      try requireEqual(try await probe.ending(task), .gone, "purged")
    },
    Check("S60 upkeep drops what is over and nothing else") { probe in
      let (short, long) = (try await probe.start(), try await probe.start())
      try await probe.conclude(short, Data("1".utf8), for: .seconds(60))
      try await probe.conclude(long, Data("2".utf8), for: .seconds(86_400 * 30))
      try await probe.keep()
      try requireEqual(try await probe.ending(short), .completed(Data("1".utf8)), "before its end")
      try await probe.tasks.advance(by: .seconds(86_400 * 3))
      try await probe.keep()
      try requireEqual(try await probe.ending(short), .gone, "after its end")
      try requireEqual(try await probe.ending(long), .completed(Data("2".utf8)), "one that is kept longer")
    },
    Check("S62 counts of attempts add up by minute, queue, type and outcome") { probe in
      let counts = [
        AttemptCount(queue: "a", type: "x", outcome: "completed", count: 5),
        AttemptCount(queue: "a", type: "x", outcome: "failed", count: 1),
        AttemptCount(queue: "b", type: "x", outcome: "completed", count: 2),
      ]
      for _ in 1...3 { try await probe.history.note(counts, within: .seconds(60)) }
      let found = try await probe.history.throughput(of: .seconds(600), limit: 100)
      let sums = Dictionary(grouping: found) { "\($0.queue) \($0.type) \($0.outcome)" }
        .mapValues { $0.reduce(0) { $0 + $1.attempts } }
      try requireEqual(sums, ["a x completed": 15, "a x failed": 3, "b x completed": 6], "sums")
      try requireEqual(try await probe.history.throughput(of: .seconds(600), limit: 1).count, 1, "with a limit")
      try await probe.tasks.advance(by: .seconds(3_600))
      try requireEqual(try await probe.history.throughput(of: .seconds(600), limit: 100), [], "an hour later")
      try requireEqual(
        try await probe.history.throughput(of: .seconds(7_200), limit: 100).count,
        found.count,
        "of two hours"
      )
    },
  ]
}

/// Short forms of the calls of histories.
struct HistoryProbe: Sendable {
  private let harness: any HistoryHarness
  let tasks: StoreProbe
  var history: any HistoryStore { harness.history }

  init(_ harness: any HistoryHarness) {
    self.harness = harness
    tasks = StoreProbe(harness)
  }

  func start() async throws -> ClaimedTask { try await tasks.claimOnly(try await tasks.enqueue().id) }

  func conclude(_ task: ClaimedTask, _ result: Data?, for retain: Duration? = nil) async throws {
    try await tasks.settleHeld(task, .conclude(Conclusion(result: result, retain: retain)))
  }

  func ending(_ task: ClaimedTask) async throws -> TaskEnding { try await history.ending(of: task.claim.id) }

  func keep() async throws { _ = try await history.keepHistory(within: .seconds(60)) }
}
