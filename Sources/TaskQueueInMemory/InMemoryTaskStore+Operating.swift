@_spi(Store) public import TaskQueue

/// Each read looks at everything that is kept.
@_spi(Store) extension InMemoryTaskStore: OperatingStore {
  public func list(
    _ filter: TaskFilter,
    after cursor: TaskCursor?,
    limit: Int
  ) async throws(TaskQueueError) -> TaskPage {
    try mutate { state, now throws(TaskQueueError) in
      try state.list(filter, after: cursor, limit: limit, now: now)
    }
  }

  public func detail(of id: TaskID, withPayload: Bool) async throws(TaskQueueError) -> TaskDetail? {
    mutate { state, now in state.detail(of: id, withPayload: withPayload, now: now) }
  }

  public func overview() async throws(TaskQueueError) -> QueueOverview {
    mutate { state, now in state.overview(now: now) }
  }

  public func limitLines(of name: String, after key: String?, limit: Int) async throws(TaskQueueError) -> [LimitLine] {
    mutate { state, now in state.limitLines(of: name, after: key, limit: limit, now: now) }
  }

  public func actions(
    before id: Int64?,
    about target: OperatorTarget?,
    limit: Int
  ) async throws(TaskQueueError) -> [OperatorAction] {
    mutate { state, _ in state.actions(before: id, about: target, limit: limit) }
  }

  public func perform(
    _ request: OperatorRequest,
    noting note: OperatorNote
  ) async throws(TaskQueueError) -> OperatorOutcome {
    switch request {
    case .enqueue(let task): try JSONValue.validate(task.payload, of: task.type)
    case .setSchedule(_, let definition): try JSONValue.validate(definition.payload, of: definition.type)
    case .emit(let event): try validate(event)
    default: break
    }
    return try await step { state, now throws(TaskQueueError) in try state.perform(request, noting: note, now: now) }
  }
}

@_spi(Store) extension InMemoryTaskStore: RetentionStore {
  public func dropExpired(
    by retention: RetentionConfiguration,
    within limit: Duration
  ) async throws(TaskQueueError) -> RetentionReport {
    mutate { state, now in state.dropExpired(by: retention, now: now) }
  }
}
