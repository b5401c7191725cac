@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

@_spi(Store) extension InMemoryTaskStore: FlowStore {
  public func record(_ step: FlowStep, by claim: Claim, repeats: Bool) async throws(TaskQueueError) -> Bool {
    try await self.step { state, now in
      state.locks.tasks.contains(claim.id) ? nil : state.record(step, by: claim, repeats: repeats, now: now)
    }
  }

  public func look(
    for event: String,
    as name: String,
    place: Int,
    isOver: Bool,
    by claim: Claim
  ) async throws(TaskQueueError) -> FlowEventLook {
    try await step { state, now in
      guard !state.locks.tasks.contains(claim.id) else { return nil }
      return state.look(for: event, as: name, place: place, isOver: isOver, by: claim, now: now)
    }
  }

  /// Waits for the end of the open transaction, if there is one: its changes are not to be overwritten.
  public func emit(_ event: FlowEvent) async throws(TaskQueueError) -> Bool {
    try validate(event)
    return try await step { state, now in
      let isAwaited = state.flows.waiters[event.key]?.contains { state.locks.tasks.contains($0.task) } ?? false
      return isAwaited ? nil : state.emit(event, now: now)
    }
  }

  func validate(_ event: FlowEvent) throws(TaskQueueError) {
    guard JSONValue.isValid(event.payload) else {
      throw TaskQueueError(.encodingFailed, "The payload of an event is not valid JSON. Nothing was stored.")
    }
  }

  public func steps(of task: TaskID) async throws(TaskQueueError) -> [FlowStep] {
    mutate { state, _ in
      Array((state.flows.steps[task] ?? []).sorted { $0.place < $1.place }.prefix(Limits.page))
    }
  }

  public func isTrueEverywhere(_ step: String, type: TaskType) async throws(TaskQueueError) -> Bool {
    mutate { state, _ in
      state.flows.steps.allSatisfy { id, steps in
        guard (state.tasks[id]?.type ?? state.dead[id]?.task.type) == type else { return true }
        return steps.contains { $0.name == step && $0.value.map { String(decoding: $0, as: UTF8.self) } == "true" }
      }
    }
  }

  public func purgeFlows(within limit: Duration) async throws(TaskQueueError) -> Int {
    mutate { state, now in state.purgeFlows(now: now) }
  }
}

extension InMemoryTaskStore {
  public func hold(_ claim: Claim, in transaction: InMemoryTransaction) async throws(TaskQueueError) -> Bool {
    try transaction.change(of: self) { changes, live, now in changes.hold(claim, on: &live, now: now) }
  }

  public func record(
    _ step: FlowStep,
    by claim: Claim,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> Bool {
    try transaction.change(of: self) { changes, live, now in changes.record(step, by: claim, on: &live, now: now) }
  }

  public func emit(_ event: FlowEvent, in transaction: InMemoryTransaction) async throws(TaskQueueError) -> Bool {
    try validate(event)
    return try transaction.change(of: self) { changes, live, now in changes.emit(event, on: live, now: now) }
  }
}
