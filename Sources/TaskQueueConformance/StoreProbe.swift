@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Short forms of the store's calls for the conformance checks.
struct StoreProbe: Sendable {
  static let type: TaskType = "conformance.a"
  static let otherType: TaskType = "conformance.b"
  static let lease: Duration = .seconds(60)
  /// How far two readings of a store's clock in one check may be apart: a real clock goes on meanwhile.
  static let toleranceSeconds = 20.0

  let harness: any StoreHarness
  var store: any StoreContract { harness.store }

  init(_ harness: any StoreHarness) { self.harness = harness }

  /// The next attempt after a crash.
  func takeOver(_ task: ClaimedTask) async throws -> ClaimedTask {
    try await advance(by: .seconds(70))
    return try await claimOnly(task.claim.id)
  }

  func advance(by duration: Duration) async throws { try await harness.advance(by: duration) }

  func newTask(
    _ type: TaskType = Self.type,
    json: String = "{}",
    _ change: (inout EnqueueOptions) -> Void = { _ in }
  ) throws -> NewTask {
    try NewTask(type: type, json: Data(json.utf8), options: .with(change))
  }

  @discardableResult
  func enqueue(
    _ type: TaskType = Self.type,
    json: String = "{}",
    _ change: (inout EnqueueOptions) -> Void = { _ in }
  ) async throws -> EnqueueResult {
    let results = try await store.enqueue([newTask(type, json: json, change)])
    try requireEqual(results.count, 1, "results of one enqueue")
    return results[0]
  }

  func claim(
    limit: Int = 10,
    queues: [QueueName] = [.default],
    types: [TaskType] = [Self.type],
    lease: Duration = Self.lease,
    settling settlements: [Settlement] = []
  ) async throws -> [ClaimedTask] {
    let request = ClaimRequest(queues: queues, types: types, limit: limit, lease: lease, promotesDue: true)
    let exchange = try await store.exchange(settle: settlements, claim: request)
    try requireEqual(exchange.applied.count, settlements.count, "answers to the settlements")
    try require(exchange.claimed.count <= limit, "claimed \(exchange.claimed.count) with limit \(limit)")
    return exchange.claimed
  }

  /// Claims and expects exactly this task.
  @discardableResult
  func claimOnly(
    _ id: TaskID,
    queues: [QueueName] = [.default],
    types: [TaskType] = [Self.type],
    fileID: String = #fileID,
    line: Int = #line
  ) async throws -> ClaimedTask {
    let claimed = try await claim(queues: queues, types: types)
    try requireEqual(claimed.map(\.claim.id), [id], "claimed ids", fileID: fileID, line: line)
    return claimed[0]
  }

  func requireNothingToClaim(
    _ reason: String,
    queues: [QueueName] = [.default],
    types: [TaskType] = [Self.type],
    fileID: String = #fileID,
    line: Int = #line
  ) async throws {
    let ids = try await claim(queues: queues, types: types).map(\.claim.id)
    try requireEqual(ids, [], "claimed although \(reason)", fileID: fileID, line: line)
  }

  /// Offers it again as long as somebody has locked the row, as a worker does.
  func settle(_ claim: Claim, _ action: Settlement.Action) async throws -> Bool {
    while true {
      let exchange = try await store.exchange(settle: [.init(claim, action)], claim: nil)
      try requireEqual(exchange.settled.count, 1, "answers to one settlement")
      try require(exchange.claimed.isEmpty, "an exchange without a claim request claimed something")
      guard exchange.settled[0] == .busy else { return exchange.settled[0] == .applied }
    }
  }

  /// Settles and expects the claim to hold.
  func settleHeld(
    _ task: ClaimedTask,
    _ action: Settlement.Action,
    fileID: String = #fileID,
    line: Int = #line
  ) async throws {
    try require(await settle(task.claim, action), "a live claim did not settle", fileID: fileID, line: line)
  }

  func live(_ id: TaskID, fileID: String = #fileID, line: Int = #line) async throws -> TaskSnapshot {
    guard let snapshot = try await store.task(id) else {
      throw ConformanceFailure("task \(id) is not live", fileID: fileID, line: line)
    }
    return snapshot
  }

  func letter(_ id: TaskID) async throws -> DeadLetter? {
    try await store.deadLetters(.init(ids: [id]), after: nil, limit: 10).first
  }

  func dead(_ id: TaskID, fileID: String = #fileID, line: Int = #line) async throws -> DeadLetter {
    guard let letter = try await letter(id) else {
      throw ConformanceFailure("task \(id) is not a dead letter", fileID: fileID, line: line)
    }
    try require(await store.task(id) == nil, "task \(id) is live and dead", fileID: fileID, line: line)
    return letter
  }

  func requireGone(_ id: TaskID, fileID: String = #fileID, line: Int = #line) async throws {
    try require(await store.task(id) == nil, "task \(id) is still live", fileID: fileID, line: line)
    try require(await letter(id) == nil, "task \(id) is a dead letter", fileID: fileID, line: line)
  }

  /// Buries a new task.
  func bury(
    _ type: TaskType = Self.type,
    reason: DeadLetterReason = .discarded,
    json: String = "{}",
    _ change: (inout EnqueueOptions) -> Void = { _ in }
  ) async throws -> TaskID {
    let id = try await enqueue(type, json: json, change).id
    let task = try await claimOnly(id, types: [type])
    try await settleHeld(task, .bury(reason, detail: nil, nil))
    return id
  }

  static func failure(_ message: String = "broken", attempt: Int = 1) -> TaskFailure {
    TaskFailure(message: message, errorType: "TestError", attempt: attempt, at: 1_800_000_000)
  }

  /// The error code that the call throws; nil: none.
  static func errorCode(of body: () async throws -> Void) async throws -> TaskQueueError.Code? {
    do {
      try await body()
      return nil
    } catch let error as TaskQueueError { return error.code }
  }

  func requireClose(
    _ actual: Date,
    _ expected: Date,
    _ what: String,
    fileID: String = #fileID,
    line: Int = #line
  ) throws {
    let difference = actual.timeIntervalSince(expected)
    try require(
      abs(difference) <= Self.toleranceSeconds,
      "\(what) is \(difference) s off",
      fileID: fileID,
      line: line
    )
  }
}
