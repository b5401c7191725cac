@_spi(Store) public import TaskQueue
@_spi(Store) public import TaskQueueConformance
import TaskQueueInMemory

/// The store of a flow under test: an `InMemoryTaskStore` whose calls an attempt may crash before and after.
public struct FlowTestStore: TaskStore {
  let memory: InMemoryTaskStore
  let gate: FlowTestGate
}

@_spi(Store) extension FlowTestStore: StoreDecorator {
  public var base: any StoreContract { memory }

  public func enqueue(_ tasks: [NewTask]) async throws(TaskQueueError) -> [EnqueueResult] {
    try await gate.pass("before tasks are enqueued")
    let results = try await memory.enqueue(tasks)
    gate.note("\(tasks.count) tasks enqueued")
    try await gate.pass("after tasks were enqueued")
    return results
  }

  public func exchange(
    settle settlements: [Settlement],
    claim request: ClaimRequest?,
    within limit: Duration
  ) async throws(TaskQueueError) -> Exchange {
    let title = settlements.map(\.action.title).joined(separator: ", ")
    try await gate.pass("before the outcome is stored (\(title))")
    let exchange = try await memory.exchange(settle: settlements, claim: request, within: limit)
    for (settlement, isApplied) in zip(settlements, exchange.applied) {
      gate.note("outcome: \(settlement.action.title)\(isApplied ? "" : "; refused, it has lost its lease")")
      guard isApplied else { continue }
      gate.noteWaits(settlement.action)
      switch settlement.action {
      case .complete, .conclude: gate.noteCompletion()
      default: break
      }
    }
    try await gate.pass("after the outcome was stored (\(title))")
    return exchange
  }
}

// MARK: Flows

@_spi(Store) extension FlowTestStore: FlowStore {
  public func record(_ step: FlowStep, by claim: Claim, repeats: Bool) async throws(TaskQueueError) -> Bool {
    let title = FlowStep.title(of: step.name)
    try await gate.pass("before \(title) is recorded")
    let isRecorded = try await memory.record(step, by: claim, repeats: repeats)
    gate.note("\(title): \(isRecorded ? "recorded" : "refused, it has lost its lease")")
    try await gate.pass("after \(title) was recorded")
    return isRecorded
  }

  public func look(
    for event: String,
    as step: String,
    place: Int,
    isOver: Bool,
    by claim: Claim
  ) async throws(TaskQueueError) -> FlowEventLook {
    let title = FlowStep.title(of: step)
    try await gate.pass("before the store is asked for \(title)")
    let look = try await memory.look(for: event, as: step, place: place, isOver: isOver, by: claim)
    switch look {
    case .event: gate.note("\(title): it is there")
    case .timedOut: gate.note("\(title): it did not come in time")
    case .wait:
      gate.note("\(title): not yet")
      gate.noteNoEvent(step)
    case .lost: gate.note("\(title): refused, it has lost its lease")
    }
    try await gate.pass("after the store was asked for \(title)")
    return look
  }

  public func emit(_ event: FlowEvent) async throws(TaskQueueError) -> Bool {
    try await gate.pass("before event \"\(event.key)\" is emitted")
    let counts = try await memory.emit(event)
    gate.note("event \"\(event.key)\" emitted\(counts ? "" : ", which was there before")")
    try await gate.pass("after event \"\(event.key)\" was emitted")
    return counts
  }

  public func steps(of task: TaskID) async throws(TaskQueueError) -> [FlowStep] { try await memory.steps(of: task) }

  public func isTrueEverywhere(_ step: String, type: TaskType) async throws(TaskQueueError) -> Bool {
    try await memory.isTrueEverywhere(step, type: type)
  }

  public func purgeFlows(within limit: Duration) async throws(TaskQueueError) -> Int {
    try await memory.purgeFlows(within: limit)
  }
}

// MARK: Results and groups

@_spi(Store) extension FlowTestStore: HistoryStore, GroupStore {
  public func ending(of task: TaskID) async throws(TaskQueueError) -> TaskEnding { try await memory.ending(of: task) }

  public func note(_ counts: [AttemptCount], within limit: Duration) async throws(TaskQueueError) {
    try await memory.note(counts, within: limit)
  }

  public func throughput(of time: Duration, limit: Int) async throws(TaskQueueError) -> [ThroughputCount] {
    try await memory.throughput(of: time, limit: limit)
  }

  public func keepHistory(within limit: Duration) async throws(TaskQueueError) -> Int {
    try await memory.keepHistory(within: limit)
  }

  public func progress(of group: GroupID) async throws(TaskQueueError) -> GroupProgress? {
    try await memory.progress(of: group)
  }

  public func ends(of group: GroupID, after place: Int, limit: Int) async throws(TaskQueueError) -> [GroupEnd] {
    try await memory.ends(of: group, after: place, limit: limit)
  }

  public func keepGroups(within limit: Duration) async throws(TaskQueueError) -> Int {
    try await memory.keepGroups(within: limit)
  }
}

// MARK: Effects

@_spi(Store) extension FlowTestStore: EffectLedger {
  public func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision {
    try await gate.pass("before effect \"\(intent.name)\"")
    let decision = try await memory.beginEffect(intent)
    gate.note("effect \"\(intent.name)\": \(decision.title)")
    try await gate.pass("after the intent of effect \"\(intent.name)\" was stored")
    return decision
  }

  public func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome? {
    try await gate.pass("before the outcome of effect \"\(call.name)\" is stored")
    let recorded = try await memory.endEffect(call, outcome)
    gate.note("effect \"\(call.name)\": ended")
    try await gate.pass("after the outcome of effect \"\(call.name)\" was stored")
    return recorded
  }

  public func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult {
    try await memory.resolveEffect(name, of: task, as: resolution)
  }

  public func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] {
    try await memory.effects(of: task)
  }

  public func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord] {
    try await memory.unsettledEffects(olderThan: age, limit: limit)
  }

  public func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int {
    try await memory.purgeEffects(olderThan: age)
  }
}

extension EffectDecision {
  fileprivate var title: String {
    switch self {
    case .call: "its call may be made"
    case .ask: "an earlier call has no known outcome"
    case .recorded: "as recorded"
    case .busy: "under way"
    case .requestChanged: "refused, another request"
    case .leaseLost: "refused, it has lost its lease"
    }
  }
}
