@_spi(Store) public import TaskQueue

@_spi(Store) extension InMemoryTaskStore: GroupStore {
  public func progress(of group: GroupID) async throws(TaskQueueError) -> GroupProgress? {
    mutate { state, _ in state.groups[group]?.progress }
  }

  public func ends(
    of group: GroupID,
    after place: Int,
    limit: Int
  ) async throws(TaskQueueError) -> [GroupEnd] {
    mutate { state, _ in Array((state.groups[group]?.ends ?? []).dropFirst(max(0, place)).prefix(limit)) }
  }

  public func keepGroups(within limit: Duration) async throws(TaskQueueError) -> Int {
    mutate { state, now in state.keepGroups(now: now) }
  }
}

extension InMemoryTaskStore {
  public func makeGroup(
    of tasks: [TaskID],
    atMost: Int?,
    parent: TaskID?,
    callback: TaskID?,
    in transaction: InMemoryTransaction
  ) async throws(TaskQueueError) -> GroupID {
    try transaction.change(of: self) { changes, live, now throws(TaskQueueError) in
      try changes.makeGroup(of: tasks, atMost: atMost, parent: parent, callback: callback, on: &live, now: now)
    }
  }
}
