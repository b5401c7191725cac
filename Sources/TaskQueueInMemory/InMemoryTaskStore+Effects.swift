@_spi(Store) public import TaskQueue

@_spi(Store) extension InMemoryTaskStore: EffectLedger {
  public func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision {
    let id = InMemoryEffects.ID(task: intent.claim.id, name: intent.name)
    return try await step { state, now in
      if state.locks.tasks.contains(id.task) || state.locks.effects.contains(id) { return nil }
      return state.beginEffect(intent, now: now)
    }
  }

  public func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome? {
    let id = InMemoryEffects.ID(task: call.claim.id, name: call.name)
    return try await step { state, now in
      state.locks.effects.contains(id) ? nil : .some(state.endEffect(call, outcome, now: now))
    }
  }

  public func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult {
    let id = InMemoryEffects.ID(task: task, name: name)
    return try await step { state, now in
      state.locks.effects.contains(id) ? nil : state.resolveEffect(name, of: task, as: resolution, now: now)
    }
  }

  public func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] {
    mutate { state, now in
      let records = state.effectRecords(now: now) { id, _ in id.task == task }
      return Array(records.sorted { $0.name.rawValue < $1.name.rawValue }.prefix(Limits.page))
    }
  }

  public func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord] {
    mutate { state, now in
      let records = state.effectRecords(now: now) { _, row in
        row.isContradicted || !row.isSettled && row.intendedAt.adding(age) <= now
      }
      return Array(records.sorted { $0.intendedAt < $1.intendedAt }.prefix(max(0, min(limit, Limits.page))))
    }
  }

  public func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int {
    mutate { state, now in state.purgeEffects(olderThan: age, now: now) }
  }
}
