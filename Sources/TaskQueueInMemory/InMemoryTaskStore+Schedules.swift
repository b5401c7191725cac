@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Looks at every schedule in each call.
@_spi(Store) extension InMemoryTaskStore: ScheduleStore {
  public func fire(
    _ firings: [ScheduleFiring],
    look limit: Int,
    within duration: Duration
  ) async throws(TaskQueueError) -> ScheduleLook {
    try mutate { state, now throws(TaskQueueError) in
      var firedCount = 0
      for firing in firings where try state.fire(firing, now: now) { firedCount += 1 }
      let next = state.schedules.values.filter { !$0.isPaused }.compactMap(\.nextAt).filter { $0 > now }.min()
      return ScheduleLook(
        firedCount: firedCount,
        due: state.dueSchedules(limit: limit, now: now),
        nextDueIn: next.map { .seconds($0.timeIntervalSince(now)) },
        storeTime: now,
        hasAny: !state.schedules.isEmpty
      )
    }
  }

  public func putSchedules(
    _ schedules: [(name: String, definition: ScheduleDefinition)],
    asDeclared: Bool,
    within limit: Duration?
  ) async throws(TaskQueueError) {
    for (_, definition) in schedules { try JSONValue.validate(definition.payload, of: definition.type) }
    try mutate { state, _ throws(TaskQueueError) in
      try state.limits.check(schedules.compactMap(\.definition.limit))
      for (name, definition) in schedules {
        if asDeclared { state.declare(name, definition) } else { state.setSchedule(name, definition) }
      }
    }
  }

  public func schedule(_ name: String) async throws(TaskQueueError) -> TaskSchedule? {
    mutate { state, _ in state.schedules[name]?.snapshot(name) }
  }

  public func schedules(after name: String?, limit: Int) async throws(TaskQueueError) -> [TaskSchedule] {
    mutate { state, _ in
      state.schedules.filter { name ?? "" < $0.key }.sorted { $0.key < $1.key }
        .prefix(max(0, min(limit, Limits.page))).map { $0.value.snapshot($0.key) }
    }
  }

  public func pauseSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    mutate { state, _ in state.pauseSchedule(name) }
  }

  public func resumeSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    mutate { state, _ in state.resumeSchedule(name) }
  }

  public func resetSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    mutate { state, _ in state.resetSchedule(name) }
  }

  public func removeSchedule(_ name: String) async throws(TaskQueueError) -> Bool {
    mutate { state, _ in state.schedules.removeValue(forKey: name) != nil }
  }

  public func runSchedule(_ name: String) async throws(TaskQueueError) -> EnqueueResult? {
    try await step { state, now throws(TaskQueueError) in
      try state.makeTasks(of: name, slots: [now.wholeSecond], isPast: false, now: now)
    }.first
  }

  public func backfillSchedule(_ name: String, slots: [Date]) async throws(TaskQueueError) -> [EnqueueResult] {
    try await step { state, now throws(TaskQueueError) in
      try state.makeTasks(of: name, slots: slots, isPast: true, now: now)
    }
  }
}
