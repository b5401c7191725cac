extension TaskClient {
  /// Tasks for people to look at: live ones, dead letters, or completed ones that are kept, as the filter says. Never with payloads.
  ///
  /// ```swift
  /// var page = try await client.list(.with { $0.state = .dead; $0.error = "timed out" })
  /// while let next = page.next { page = try await client.list(filter, after: next) }
  /// ```
  ///
  /// Newest first, by a key and not by an offset: what ends or is added meanwhile neither shifts a page nor shows twice. One round trip that looks
  /// at ``Limits/listLook`` rows at most, by index; where few rows of many meet the filter, pages may be short or empty although others follow. Due and
  /// running tasks of a queue with more than that come in the order in which workers take them. The running ones of all queues together are looked
  /// for until 1,000 others come in a row in a queue: name the queue to see all.
  ///
  /// - Parameters:
  ///   - cursor: ``TaskPage/next`` of the page before, with the same filter; nil: the first page.
  ///   - limit: tasks at most, 1 to ``Limits/page``.
  /// - Throws: ``TaskQueueError``: `invalidName`, `invalidOption` for a filter that nothing can meet or a cursor of something else;
  ///   `storeFailed`; `invalidConfiguration` for a store that cannot be operated.
  public func list(
    _ filter: TaskFilter = .init(),
    after cursor: TaskCursor? = nil,
    limit: Int = 50
  ) async throws(TaskQueueError) -> TaskPage {
    try filter.validate()
    return try await operatingStore.list(filter, after: cursor, limit: max(1, min(limit, Limits.page)))
  }

  /// Everything that is known of one task, live, dead or done, in one round trip and of one moment; nil: nothing is left of it, or it never was
  /// (``explain(_:)`` tells which).
  ///
  /// - Parameter withPayload: also payload and result of the task, and the values of its steps and effects. They may be secret, and are as big as they are:
  ///   up to 4 MiB, and 256 KiB for each step.
  /// - Throws: ``TaskQueueError``: `storeFailed`; `invalidConfiguration` for a store that cannot be operated.
  public func detail(of task: TaskID, withPayload: Bool = false) async throws(TaskQueueError) -> TaskDetail? {
    try await operatingStore.detail(of: task, withPayload: withPayload)
  }

  /// All queues at a glance. One round trip; counts are bounded, so that its cost goes with the number of queues and not of tasks.
  ///
  /// - Throws: as ``detail(of:withPayload:)``.
  public func overview() async throws(TaskQueueError) -> QueueOverview { try await operatingStore.overview() }

  /// How the keys of a limit stand: who has slots, how many wait. By key; those of which nothing runs or waits, and that are not paused, are left out.
  ///
  /// - Parameters:
  ///   - key: the last key of the page before; nil: from the beginning.
  ///   - limit: 1 to ``Limits/page``.
  /// - Returns: empty also if there is no such limit.
  /// - Throws: as ``detail(of:withPayload:)``; `invalidName`.
  public func limitLines(
    of name: String,
    after key: String? = nil,
    limit: Int = 100
  ) async throws(TaskQueueError) -> [LimitLine] {
    try TaskLimit(name, key: key ?? "").validate()
    return try await operatingStore.limitLines(of: name, after: key, limit: max(1, min(limit, Limits.page)))
  }

  /// What people did, latest first: by ``operating(as:because:)``, by the command line and the dashboard, and in `psql` with the setting
  /// `taskqueue.actor`.
  ///
  /// - Parameters:
  ///   - id: older ones than this line; nil: from the latest on.
  ///   - target: only those about it.
  ///   - limit: 1 to ``Limits/page``.
  /// - Throws: as ``detail(of:withPayload:)``.
  public func operatorActions(
    before id: Int64? = nil,
    about target: OperatorTarget? = nil,
    limit: Int = 50
  ) async throws(TaskQueueError) -> [OperatorAction] {
    try await operatingStore.actions(before: id, about: target, limit: max(1, min(limit, Limits.page)))
  }

  /// Acts for a person: every change is one transaction with its line in the journal.
  ///
  /// ```swift
  /// try await client.operating(as: "ann", because: "the bank is back").resumeLimit("bank")
  /// ```
  ///
  /// - Parameters:
  ///   - actor: who, 1 to 128 UTF-8 bytes without control characters. It is written down as it is: authenticate first.
  ///   - reason: why, for who reads it later; at most 1,000 UTF-8 bytes.
  public func operating(as actor: String, because reason: String? = nil) -> TaskOperator<Store> {
    TaskOperator(client: self, note: OperatorNote(actor: actor, reason: reason))
  }

  var operatingStore: any OperatingStore {
    get throws(TaskQueueError) {
      guard let store = contract as? any OperatingStore else {
        throw TaskQueueError(
          .invalidConfiguration,
          "This store cannot be operated; use one that can, such as PostgresTaskStore."
        )
      }
      return store
    }
  }
}
