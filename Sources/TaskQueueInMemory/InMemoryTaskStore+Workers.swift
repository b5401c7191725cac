@_spi(Store) public import TaskQueue

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// An explanation looks at every task.
@_spi(Store) extension InMemoryTaskStore: WorkerStore {
  public func note(_ worker: WorkerReport, within limit: Duration) async throws(TaskQueueError) {
    mutate { state, now in
      state.workers[worker.id] = WorkerSnapshot(
        id: worker.id,
        name: worker.name,
        queues: worker.queues,
        types: worker.types,
        slots: worker.slots,
        startedAt: state.workers[worker.id]?.startedAt ?? now,
        seenAt: now,
        version: worker.version,
        inFlight: worker.inFlight,
        held: worker.held
      )
      let present = Set(state.presentWorkers(now: now).map(\.id))
      state.workers = state.workers.filter { present.contains($0.key) }
    }
  }

  public func forgetWorker(_ id: UUID, within limit: Duration) async throws(TaskQueueError) {
    mutate { state, _ in state.workers[id] = nil }
  }

  public func workers() async throws(TaskQueueError) -> [WorkerSnapshot] {
    mutate { state, now in Array(state.presentWorkers(now: now).prefix(Limits.page)) }
  }

  public func explain(_ id: TaskID) async throws(TaskQueueError) -> TaskExplanation {
    mutate { state, now in TaskExplanation(id: id, causes: state.causes(of: id, now: now)) }
  }
}
