@_spi(Store) public import TaskQueue

/// Upkeep looks at everything that is kept.
@_spi(Store) extension InMemoryTaskStore: HistoryStore {
  public func ending(of task: TaskID) async throws(TaskQueueError) -> TaskEnding {
    mutate { state, now in state.ending(of: task, now: now) }
  }

  public func note(_ counts: [AttemptCount], within limit: Duration) async throws(TaskQueueError) {
    mutate { state, now in state.note(counts, now: now) }
  }

  public func throughput(of time: Duration, limit: Int) async throws(TaskQueueError) -> [ThroughputCount] {
    mutate { state, now in state.throughput(since: now.adding(.zero - time), limit: limit) }
  }

  public func keepHistory(within limit: Duration) async throws(TaskQueueError) -> Int {
    mutate { state, now in
      state.dropOldHistory(now: now)
      return 0
    }
  }
}
