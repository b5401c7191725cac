extension TaskContext {
  /// Enqueues a task, and waits for its end where ``ChildTask/value(as:)`` is called.
  ///
  /// ```swift
  /// let slip = try await context.child("slip", RenderSlip(id: order.id)).value(as: Slip.self)
  /// ```
  ///
  /// As a step: the task and the step commit together, so there is one child whatever dies. It is a task as any other, with its own retries, and can
  /// be a flow itself. If the parent is cancelled or ends otherwise, its children go on. A child that is a dead letter is an error in the parent; if it is
  /// redriven later, the parent does not hear of it.
  ///
  /// - Parameters:
  ///   - name: as a step's.
  ///   - number: tells children of one name apart, in a loop. For many side by side: ``children(_:_:number:atMost:options:)``.
  ///   - options: without a unique key, which a child cannot have; that of the type counts for nothing.
  /// - Throws: ``FlowError``, ``TaskQueueError``; ``FlowSuspension`` if the flow waits meanwhile.
  public func child<Payload: TaskPayload>(
    _ name: String,
    _ payload: Payload,
    number: Int? = nil,
    options: EnqueueOptions = .init()
  ) async throws -> ChildTask {
    let name = try FlowNames.own(name, number)
    let (children, first) = try await start(name, [payload], atMost: nil, options)
    guard let first else { throw FlowError(.inputChanged, name, "It was recorded without a child.") }
    return ChildTask(id: first, children: children)
  }

  /// Enqueues many tasks of a type; ``ChildTasks`` waits for all of them, for the first, or hands them over as they come. As
  /// ``child(_:_:number:options:)``, in one transaction.
  ///
  /// - Parameters:
  ///   - payloads: at most ``Limits/groupTasks``; none is fine. In later attempts what was recorded counts, not these.
  ///   - atMost: so many of them at a time; the others are not due before it is their turn, in this order. nil: all.
  ///   - options: as of a child; with `atMost` without a delay.
  public func children<Payload: TaskPayload>(
    _ name: String,
    _ payloads: [Payload],
    number: Int? = nil,
    atMost: Int? = nil,
    options: EnqueueOptions = .init()
  ) async throws -> ChildTasks {
    try await start(FlowNames.own(name, number), payloads, atMost: atMost, options).children
  }

  /// The group whose members have all ended, in the handler of its callback (``TaskClient/enqueueGroup(_:atMost:then:)``); nil: it is no callback.
  public var group: GroupID? { headers.isEmpty ? nil : GroupID(headers: headers) }

  private func start<Payload: TaskPayload>(
    _ name: String,
    _ payloads: [Payload],
    atMost: Int?,
    _ options: EnqueueOptions
  ) async throws -> (children: ChildTasks, first: TaskID?) {
    let attempt = try FlowAttempt(self)
    guard let store = services.store as? any TransactionalTaskStore, store is any GroupStore else {
      throw TaskQueueError.noGroups
    }
    try GroupOptions.validate(payloads.count, atMost: atMost, options)
    let (recorded, place) = try await attempt.begin(name)
    let started: StartedGroup
    if let recorded {
      started = try attempt.decoded(recorded)
    } else {
      let encoder = try TaskEncoder<Payload>(options: options, coding: services.coding)
      let tasks = try await encoder.encode(all: payloads).map { $0.withoutUniqueKey() }
      started = try await attempt.flow.run { try await attempt.start(tasks, atMost, as: name, place, on: store) }
    }
    let children = ChildTasks(
      group: started.group,
      count: started.count,
      type: Payload.taskType,
      step: name,
      context: self
    )
    return (children, started.first)
  }
}

/// What the step of a group's start holds.
struct StartedGroup: Codable, Sendable {
  /// nil: it has no members.
  var group: GroupID?
  var count: Int
  var first: TaskID?
}

extension FlowAttempt {
  /// Tasks, group and step in one transaction.
  func start<Store: TransactionalTaskStore>(
    _ tasks: [NewTask],
    _ atMost: Int?,
    as name: String,
    _ place: Int,
    on transactional: Store
  ) async throws -> StartedGroup {
    guard !tasks.isEmpty else {
      let started = StartedGroup(group: nil, count: 0, first: nil)
      try await record(FlowStep(name, .step, place: place, value: try encoded(started, name)))
      return started
    }
    let claim = context.task.claim
    let (started, step) = try await transactional.withReadCommittedTransaction { transaction in
      guard try await transactional.hold(claim, in: transaction) else { throw TaskQueueError.flowLeaseLost(claim) }
      let ids = try await context.services.enqueueMiddleware.enqueue(tasks) { tasks throws(TaskQueueError) in
        try await transactional.enqueue(tasks, in: transaction)
      }.map(\.id)
      let group = try await transactional.makeGroup(
        of: ids,
        atMost: atMost,
        parent: claim.id,
        callback: nil,
        in: transaction
      )
      let started = StartedGroup(group: group, count: ids.count, first: ids.count == 1 ? ids[0] : nil)
      let step = FlowStep(name, .step, place: place, value: try encoded(started, name))
      guard try await transactional.record(step, by: claim, in: transaction) else {
        throw TaskQueueError.flowLeaseLost(claim)
      }
      return (started, step)
    }
    flow.withJournal { $0.note(step) }
    return started
  }
}
