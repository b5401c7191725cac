@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Short forms of what people see and do, for the conformance checks.
struct OperatingProbe: Sendable {
  static let note = OperatorNote(actor: "ann", reason: "a test")

  private let harness: any OperatingHarness
  let tasks: StoreProbe

  init(_ harness: any OperatingHarness) {
    self.harness = harness
    tasks = StoreProbe(harness)
  }

  var store: any StoreContract { harness.store }
  var operating: any OperatingStore { harness.operating }
  var keeper: any RetentionStore { harness.keeper }
  var ledger: any EffectLedger { harness.ledger }
  var schedules: any ScheduleStore { harness.schedules }
  var workers: any WorkerStore { harness.workers }

  // MARK: What is there

  /// A task in each state, all in the default queue. The running one holds the slot for which the limited one waits.
  func oneOfEach() async throws -> [TaskState: TaskID] {
    try await store.declare([LimitRule("one", concurrency: 1)])
    var made: [TaskState: TaskID] = [:]
    made[.dead] = try await tasks.enqueue().id
    try await tasks.settleHeld(try await claimed(made[.dead]), .bury(.discarded, detail: "why", nil))
    let kept = Conclusion(result: Data("7".utf8), retain: .seconds(86_400))
    made[.done] = try await tasks.enqueue().id
    try await tasks.settleHeld(try await claimed(made[.done]), .conclude(kept))
    made[.finished] = try await tasks.enqueue { $0.unique = UniqueKey("f", periodAfterCompletion: .seconds(86_400)) }.id
    try await tasks.settleHeld(try await claimed(made[.finished]), .complete)
    made[.running] = try await tasks.enqueue { $0.limit = TaskLimit("one") }.id
    _ = try await claimed(made[.running])
    made[.limited] = try await tasks.enqueue { $0.limit = TaskLimit("one") }.id
    made[.waiting] = try await tasks.enqueue { $0.schedule = .after(.seconds(86_400)) }.id
    made[.due] = try await tasks.enqueue().id
    return made
  }

  func claimed(_ id: TaskID?) async throws -> ClaimedTask {
    guard let id else { throw ConformanceFailure("there is no task to claim") }
    return try await tasks.claimOnly(id)
  }

  /// An attempt that has begun a call, and does not know what became of it.
  func withEffect() async throws -> (ClaimedTask, EffectName) {
    let task = try await claimed(try await tasks.enqueue().id)
    let intent = EffectIntent(
      claim: task.claim,
      name: "charge",
      requestDigest: Data(repeating: 7, count: 32),
      callLimit: .zero,
      keyLifetime: nil
    )
    guard case .call = try await ledger.beginEffect(intent) else {
      throw ConformanceFailure("a first call may not be made")
    }
    return (task, "charge")
  }

  // MARK: Looking

  func page(
    after cursor: TaskCursor? = nil,
    limit: Int = 100,
    _ change: (inout TaskFilter) -> Void = { _ in }
  ) async throws -> TaskPage {
    let filter = TaskFilter.with(change)
    try filter.validate()
    return try await operating.list(filter, after: cursor, limit: limit)
  }

  func list(_ change: (inout TaskFilter) -> Void = { _ in }) async throws -> [TaskID] {
    var page = try await page(change)
    var ids = page.tasks.map(\.id)
    while let next = page.next {
      page = try await self.page(after: next, change)
      ids += page.tasks.map(\.id)
    }
    return ids
  }

  func next(_ page: TaskPage, fileID: String = #fileID, line: Int = #line) throws -> TaskCursor {
    guard let next = page.next else { throw ConformanceFailure("there is no other page", fileID: fileID, line: line) }
    return next
  }

  func detail(
    _ id: TaskID,
    withPayload: Bool = false,
    fileID: String = #fileID,
    line: Int = #line
  ) async throws -> TaskDetail {
    guard let detail = try await operating.detail(of: id, withPayload: withPayload) else {
      throw ConformanceFailure("task \(id) has no detail", fileID: fileID, line: line)
    }
    return detail
  }

  // MARK: Doing

  @discardableResult
  func perform(_ request: OperatorRequest, _ note: OperatorNote = Self.note) async throws -> OperatorOutcome {
    try await operating.perform(request, noting: note)
  }

  func actions(about target: OperatorTarget? = nil) async throws -> [OperatorAction] {
    try await operating.actions(before: nil, about: target, limit: 100)
  }

  /// The latest line.
  func lastAction(fileID: String = #fileID, line: Int = #line) async throws -> OperatorAction {
    guard let action = try await actions().first else {
      throw ConformanceFailure("nothing was written", fileID: fileID, line: line)
    }
    return action
  }

  static func text(_ json: Data?, _ key: String) -> String? {
    guard let json, let object = try? JSONDecoder().decode([String: LooseValue].self, from: json) else { return nil }
    return object[key]?.text
  }

  /// A value of JSON as text.
  private struct LooseValue: Decodable {
    let text: String?

    init(from decoder: any Decoder) throws {
      let container = try decoder.singleValueContainer()
      if let truth = try? container.decode(Bool.self) {
        text = "\(truth)"
      } else if let number = try? container.decode(Double.self) {
        text = number == number.rounded() ? "\(Int(number))" : "\(number)"
      } else {
        text = try? container.decode(String.self)
      }
    }
  }
}
