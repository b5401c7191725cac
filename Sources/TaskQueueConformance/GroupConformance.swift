@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// An empty store that counts the ends of groups.
@_spi(Store) public protocol GroupHarness: StoreHarness {
  var groups: any GroupStore { get }

  /// Stores tasks and makes a group of them, in one transaction.
  func makeGroup(
    of tasks: [NewTask],
    atMost: Int?,
    parent: TaskID?,
    callback: NewTask?
  ) async throws -> (group: GroupID, members: [TaskID], callback: TaskID?)
}

@_spi(Store) extension GroupHarness where Self: TransactionHarness {
  public func makeGroup(
    of tasks: [NewTask],
    atMost: Int?,
    parent: TaskID?,
    callback: NewTask?
  ) async throws -> (group: GroupID, members: [TaskID], callback: TaskID?) {
    let store = transactionalStore
    return try await store.withTransaction { transaction in
      let ids = try await store.enqueue(tasks, in: transaction).map(\.id)
      var last: TaskID?
      if let callback { last = try await store.enqueue([callback], in: transaction)[0].id }
      let group = try await store.makeGroup(of: ids, atMost: atMost, parent: parent, callback: last, in: transaction)
      return (group, ids, last)
    }
  }
}

/// The contract of `GroupStore` as checks that every store with groups passes.
@_spi(Store) public enum GroupConformance {
  /// One promise of the contract.
  public struct Check: Sendable, CustomStringConvertible {
    /// A sentence that begins with the line of the contract.
    public let name: String
    private let body: @Sendable (GroupProbe) async throws -> Void

    init(_ name: String, _ body: @escaping @Sendable (GroupProbe) async throws -> Void) {
      self.name = name
      self.body = body
    }

    public var description: String { name }

    /// Takes the harness of an *empty* store.
    ///
    /// - Throws: ``ConformanceFailure`` if the promise is broken; what the store throws otherwise.
    public func run(on harness: any GroupHarness) async throws { try await body(GroupProbe(harness)) }
  }

  /// Every check.
  public static let all: [Check] = [
    Check("S64 each end of a member is counted once, whatever it is, with its result or reason") { probe in
      let (group, ids, _) = try await probe.make(5)
      var tasks = try await probe.tasks.claim()
      try requireEqual(Set(tasks.map(\.claim.id)), Set(ids), "claimed")
      try require(tasks.allSatisfy { $0.isFollowed && $0.steps.isEmpty }, "members are not followed")
      tasks.sort { $0.claim.id < $1.claim.id }
      try await probe.tasks.settleHeld(tasks[0], .conclude(Conclusion(result: Data("7".utf8))))
      try await probe.tasks.settleHeld(tasks[1], .conclude(Conclusion()))
      try await probe.tasks.settleHeld(tasks[2], .bury(.discarded, detail: "why", nil))
      try await probe.tasks.settleHeld(tasks[3], .fail(StoreProbe.failure(), retryAfter: .seconds(5_000)))
      try requireEqual(try await probe.store.cancel(ids[3]), .cancelled, "cancelled")
      try await probe.count()
      let progress = try await probe.progress(group)
      try requireEqual([progress.total, progress.completed, progress.failed], [5, 2, 2], "counts")
      try require(progress.finishedAt == nil, "it is finished")
      let ends = try await probe.ends(group)
      try requireEqual(ends[1], .completed(Data("7".utf8)), "member 1")
      try requireEqual(ends[2], .completed(nil), "member 2")
      try requireEqual(ends[3], .dead(.discarded, detail: "why"), "member 3")
      guard case .dead(.cancelled, _)? = ends[4] else { throw ConformanceFailure("member 4 ended as \(ends)") }
      // Redriven, it is a task as any other.
      _ = try await probe.store.redrive(.init(ids: [ids[2]]))
      let redriven = try await probe.tasks.claimOnly(ids[2])
      try require(!redriven.isFollowed, "a redriven one is followed")
      try await probe.tasks.settleHeld(redriven, .complete)
      try await probe.tasks.settleHeld(tasks[4], .conclude(Conclusion()))
      try await probe.count()
      let last = try await probe.progress(group)
      try requireEqual([last.completed, last.failed], [3, 2], "counts at the end")
      try require(last.finishedAt != nil, "it is not finished")
    },
    Check("S64 a stale claim's outcome is no end, and a retry is none") { probe in
      let (group, ids, _) = try await probe.make(1)
      let stale = try await probe.tasks.claimOnly(ids[0])
      let fresh = try await probe.tasks.takeOver(stale)
      try require(await !probe.tasks.settle(stale.claim, .conclude(Conclusion())), "a stale claim is applied")
      try await probe.tasks.settleHeld(fresh, .fail(StoreProbe.failure(), retryAfter: .zero))
      try await probe.count(limit: 0)
      try requireEqual(try await probe.progress(group).ended, 0, "ended")
      try await probe.tasks.settleHeld(try await probe.tasks.claimOnly(ids[0]), .conclude(Conclusion()))
      try await probe.count()
      try requireEqual(try await probe.progress(group).completed, 1, "completed")
    },
    Check("S65 no more members than the bound may run, and each end lets another one") { probe in
      let (group, ids, _) = try await probe.make(5, atMost: 2)
      var running = try await probe.tasks.claim()
      try requireEqual(running.map(\.claim.id), Array(ids[0...1]), "at first")
      for round in 0..<3 {
        try await probe.tasks.requireNothingToClaim("the bound is reached")
        try await probe.tasks.settleHeld(running.removeFirst(), .conclude(Conclusion()))
        let next = try await probe.claimAfterCount()
        try requireEqual(next.map(\.claim.id), [ids[2 + round]], "after \(round + 1)")
        running += next
      }
      for task in running { try await probe.tasks.settleHeld(task, .bury(.failed, detail: nil, nil)) }
      try await probe.count()
      try requireEqual(try await probe.progress(group).ended, 5, "ended")
    },
    Check("S65 a member that waits for its turn can be cancelled, which lets no two others run") { probe in
      let (_, ids, _) = try await probe.make(4, atMost: 1)
      let first = try await probe.tasks.claimOnly(ids[0])
      try requireEqual(try await probe.store.cancel(ids[1]), .cancelled, "cancelled")
      // Its turn is over with it, before it has come.
      let next = try await probe.claimAfterCount()
      try require(next.count <= 1, "more than one may run")
      try await probe.tasks.settleHeld(first, .conclude(Conclusion()))
      let rest = next + (try await probe.claimAfterCount())
      try requireEqual(Set(rest.map(\.claim.id)), Set(ids[2...3].prefix(rest.count)), "the next ones")
    },
    Check("S66 the callback is due when all have ended, and not before; without members at once") { probe in
      let (group, ids, callback) = try await probe.make(2, callback: true)
      let tasks = try await probe.tasks.claim()
      try requireEqual(Set(tasks.map(\.claim.id)), Set(ids), "claimed")
      try await probe.tasks.settleHeld(tasks[0], .conclude(Conclusion()))
      try await probe.count()
      try await probe.tasks.requireNothingToClaim("one is still under way")
      try await probe.tasks.settleHeld(tasks[1], .bury(.failed, detail: nil, nil))
      let last = try await probe.claimAfterCount()
      try requireEqual(last.map(\.claim.id), [callback].compactMap(\.self), "the callback")
      try requireEqual(last.first?.headers["taskqueue-group"], "\(group)", "its header")
      let (empty, _, alone) = try await probe.make(0, callback: true)
      try requireEqual(try await probe.tasks.claim().map(\.claim.id), [alone].compactMap(\.self), "of an empty group")
      try require(await probe.progress(empty).finishedAt != nil, "an empty group is not finished")
    },
    Check("S67 a parent that waits is told, by whichever comes first, the wait or the end") { probe in
      let parent = try await probe.tasks.claimOnly(try await probe.tasks.enqueue().id)
      let (early, ids, _) = try await probe.make(1, parent: parent.claim.id)
      let child = try await probe.tasks.claimOnly(ids[0])
      try await probe.tasks.settleHeld(child, .conclude(Conclusion()))
      try await probe.count(limit: 0)
      try await probe.tasks.settleHeld(parent, .suspend([probe.wait(early, mark: 1)]))
      let resumed = try await probe.claimAfterCount()
      try requireEqual(resumed.map(\.claim.id), [parent.claim.id], "after an end that was first")
      guard let again = resumed.first else { return }
      try requireEqual(again.steps.map(\.kind), [.event], "its wait")
      let (late, others, _) = try await probe.make(1, parent: parent.claim.id)
      try await probe.tasks.settleHeld(again, .suspend([probe.wait(late, mark: 1)]))
      let second = try await probe.tasks.claimOnly(others[0])
      try await probe.tasks.settleHeld(second, .bury(.failed, detail: nil, nil))
      try requireEqual(
        try await probe.claimAfterCount().map(\.claim.id),
        [parent.claim.id],
        "after a wait that was first"
      )
    },
    Check("S68 a member that is gone without an end is found, and counted as failed") { probe in
      let (group, ids, _) = try await probe.make(2)
      let tasks = try await probe.tasks.claim()
      try requireEqual(Set(tasks.map(\.claim.id)), Set(ids), "claimed")
      // As a worker of an older version does.
      for task in tasks { try await probe.tasks.settleHeld(task, .complete) }
      try await probe.keep()
      try await probe.count()
      try requireEqual(try await probe.progress(group).ended, 0, "before it is looked for")
      try await probe.tasks.advance(by: .seconds(400))
      try await probe.keep()
      try await probe.count()
      let progress = try await probe.progress(group)
      try requireEqual([progress.completed, progress.failed], [0, 2], "counts")
      try requireEqual(Set(try await probe.ends(group).values), [.gone], "ends")
    },
    Check("S69 a group stays as long as it is of use, and leaves nothing") { probe in
      let parent = try await probe.tasks.claimOnly(try await probe.tasks.enqueue().id)
      let (owned, ids, _) = try await probe.make(1, parent: parent.claim.id)
      let (free, others, _) = try await probe.make(1)
      let tasks = try await probe.tasks.claim()
      try requireEqual(Set(tasks.map(\.claim.id)), Set(ids + others), "claimed")
      try await probe.tasks.settleHeld(parent, .conclude(Conclusion()))
      try await probe.keep()
      try require(await probe.groups.progress(of: owned) != nil, "gone although a member runs")
      for task in tasks { try await probe.tasks.settleHeld(task, .conclude(Conclusion())) }
      try await probe.count()
      try await probe.keep()
      try require(await probe.groups.progress(of: owned) == nil, "its parent is gone, and it is not")
      try require(await probe.groups.progress(of: free) != nil, "gone before its time")
      try await probe.tasks.advance(by: Limits.groupRetention + .seconds(60))
      try await probe.keep()
      try require(await probe.groups.progress(of: free) == nil, "there after its time")
      try requireEqual(try await probe.groups.ends(of: free, after: 0, limit: 10), [], "its ends")
    },
  ]
}

/// Short forms of the calls of groups.
struct GroupProbe: Sendable {
  private let harness: any GroupHarness
  let tasks: StoreProbe
  var groups: any GroupStore { harness.groups }
  var store: any StoreContract { harness.store }

  init(_ harness: any GroupHarness) {
    self.harness = harness
    tasks = StoreProbe(harness)
  }

  func make(
    _ count: Int,
    atMost: Int? = nil,
    parent: TaskID? = nil,
    callback: Bool = false
  ) async throws -> (group: GroupID, members: [TaskID], callback: TaskID?) {
    let members = try (0..<count).map { _ in try tasks.newTask() }
    return try await harness.makeGroup(
      of: members,
      atMost: atMost,
      parent: parent,
      callback: callback ? try tasks.newTask() : nil
    )
  }

  /// Promotes, twice: what is found by the first may bring more.
  func count(limit: Int = 0) async throws {
    try await tasks.advance(by: .milliseconds(100))
    for _ in 1...2 {
      let request = ClaimRequest(
        queues: [.default],
        types: ["conformance.none"],
        limit: 1,
        lease: StoreProbe.lease,
        promotesDue: true
      )
      try requireEqual(try await store.exchange(settle: [], claim: request).claimed.count, limit, "claimed by a count")
    }
  }

  func claimAfterCount() async throws -> [ClaimedTask] {
    try await count()
    return try await tasks.claim()
  }

  func progress(_ group: GroupID) async throws -> GroupProgress {
    guard let progress = try await groups.progress(of: group) else { throw ConformanceFailure("no group \(group)") }
    return progress
  }

  /// By member; places ascend from 1.
  func ends(_ group: GroupID) async throws -> [Int: GroupEnd.Outcome] {
    let ends = try await groups.ends(of: group, after: 0, limit: Limits.page)
    try requireEqual(ends.map(\.place), Array(1..<ends.count + 1), "places")
    return Dictionary(uniqueKeysWithValues: ends.map { ($0.member, $0.outcome) })
  }

  func wait(_ group: GroupID, mark: Int) -> FlowWait {
    let key = GroupRules.key(group, mark: mark)
    return FlowWait(key, place: mark, end: .never, event: key)
  }

  func keep() async throws { _ = try await groups.keepGroups(within: .seconds(60)) }
}
