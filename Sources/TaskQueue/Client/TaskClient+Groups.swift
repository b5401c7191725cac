extension TaskClient {
  /// How far a group is; nil: there is none any more. A group is known until its parent has completed, or for 7 days after its end
  /// (``Limits/groupRetention``). One short statement.
  ///
  /// - Throws: ``TaskQueueError``: `storeFailed`; `invalidConfiguration` for a store without groups.
  public func progress(of group: GroupID) async throws(TaskQueueError) -> GroupProgress? {
    try await groups().progress(of: group)
  }

  /// How members of a group have ended, in the order in which they were counted, which stays.
  ///
  /// - Parameters:
  ///   - type: what their handlers returned; an optional also takes those that returned nothing.
  ///   - place: the ``GroupResult/place`` of the last one that was read; 0: from the beginning.
  ///   - limit: at most ``Limits/page``.
  public func results<Value: Decodable>(
    of group: GroupID,
    as type: Value.Type = Value.self,
    after place: Int = 0,
    limit: Int = 100
  ) async throws(TaskQueueError) -> [GroupResult<Value>] {
    let ends = try await groups().ends(of: group, after: place, limit: max(0, min(limit, Limits.page)))
    return ends.map { $0.result(as: type, type: nil) }
  }

  private func groups() throws(TaskQueueError) -> any GroupStore {
    guard let groups = contract as? any GroupStore else { throw .noGroups }
    return groups
  }
}

extension TaskClient where Store: TransactionalTaskStore {
  /// Stores tasks whose ends are counted (``progress(of:)``), and another one that is due when all of them have ended.
  ///
  /// ```swift
  /// let pages = try await client.newTasks((1...1_000).map { RenderPage(number: $0) })
  /// let group = try await client.enqueueGroup(pages, atMost: 20, then: client.newTask(BindBook()))
  /// ```
  ///
  /// The callback runs once all have ended, also if some became dead letters; its handler finds the group in its context (``TaskContext/group``) and
  /// how they ended by ``results(of:as:after:limit:)``.
  ///
  /// - Parameters:
  ///   - tasks: of any types, without unique keys; at most ``Limits/groupTasks``. Without any the callback is due at once.
  ///   - atMost: so many of them at a time, in this order; then without delays. nil: all.
  ///   - callback: without a delay.
  /// - Throws: as ``enqueue(_:options:)``.
  public func enqueueGroup(
    _ tasks: [NewTask],
    atMost: Int? = nil,
    then callback: NewTask? = nil
  ) async throws -> GroupID {
    try await store.withReadCommittedTransaction {
      try await enqueueGroup(tasks, atMost: atMost, then: callback, in: $0)
    }
  }

  /// ``enqueueGroup(_:atMost:then:)`` in the app's transaction.
  public func enqueueGroup(
    _ tasks: [NewTask],
    atMost: Int? = nil,
    then callback: NewTask? = nil,
    in transaction: Transaction
  ) async throws(TaskQueueError) -> GroupID {
    try GroupOptions.validate(tasks.count, atMost: atMost)
    for task in tasks + [callback].compactMap(\.self) {
      guard task.unique == nil else {
        throw .invalidOption("A task of a group has no unique key: its end could be another one's.")
      }
    }
    guard atMost == nil || tasks.allSatisfy({ $0.schedule == .now }), callback.map({ $0.schedule == .now }) ?? true
    else {
      throw .invalidOption("What waits for others has no delay: it is due when it is its turn.")
    }
    let ids = try await enqueue(tasks, in: transaction).map(\.id)
    var last: TaskID?
    if let callback { last = try await enqueue([callback], in: transaction)[0].id }
    return try await store.makeGroup(of: ids, atMost: atMost, parent: nil, callback: last, in: transaction)
  }
}
