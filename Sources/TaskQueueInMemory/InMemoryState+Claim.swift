import HeapModule
@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

extension InMemoryState {
  /// - Parameter keepsToScope: whether it sees only what the request's scope names, as a store that needs scopes to be fast. This one
  ///   does not, and looks at everything.
  package mutating func claim(_ request: ClaimRequest, now: Date, keepsToScope: Bool = false) -> Exchange {
    limits.now = now
    var seen: Set<QueueName> = []
    let queues = request.queues.filter { seen.insert($0).inserted && !paused.contains($0) }
    let types = Set(request.types)
    var found = Promotion(leasesAt: min(request.leasesAt ?? now, now))
    for queue in queues { promote(queue, types: types, scheduled: request.promotesDue, now: now, &found) }
    if request.promotesDue { admitPaced() }
    let position = keepsToScope ? request.scope.start : nil
    var hidden: [InMemoryLocks.Passed] = []

    // One task of each queue in turn: a fair share while several have tasks, everything for the only one that has.
    var claimed: [ClaimedTask] = []
    var active = Array(queues.rotated(by: rotation))
    rotation &+= 1
    while !active.isEmpty, claimed.count < request.limit {
      active.removeAll { queue in
        guard claimed.count < request.limit else { return false }
        guard let task = takeNext(of: queue, types: types, behind: position, leasesAt: found.leasesAt, &hidden) else {
          return true
        }
        claimed.append(hold(task, lease: request.lease, now: now))
        return false
      }
    }
    for passed in hidden { lanes[passed.queue]?[passed.type]?.ready.insert(passed.ticket) }
    if let opening = limits.nextOpening { found.nextDue = min(found.nextDue ?? opening, opening) }
    claimed.sort { ($0.priority, $0.dueAt, $0.claim.id) < ($1.priority, $1.dueAt, $1.claim.id) }
    return Exchange(
      claimed: claimed,
      mayHaveMore: request.limit > 0 && claimed.count == request.limit,
      nextDueIn: request.promotesDue ? found.nextDue.map { .seconds(max(0, $0.timeIntervalSince(now))) } : nil,
      promotedFrom: found.oldest,
      promotedUntil: request.promotesDue ? now : nil
    )
  }

  /// What was made claimable.
  private struct Promotion {
    /// Leases that end after that are not over.
    let leasesAt: Date
    /// The oldest due time among the tasks that became due.
    var oldest: Date?
    /// When the next one is due.
    var nextDue: Date?
  }

  /// Makes tasks with ended leases claimable, and those that became due if asked to.
  private mutating func promote(
    _ queue: QueueName,
    types: Set<TaskType>,
    scheduled: Bool,
    now: Date,
    _ found: inout Promotion
  ) {
    for type in laneTypes(of: queue, among: types) {
      while let ticket = lanes[queue]?[type]?.held.min, ticket.instant <= found.leasesAt || !isCurrent(ticket) {
        lanes[queue]?[type]?.held.removeMin()
        guard isCurrent(ticket), let task = tasks[ticket.id] else { continue }
        let ready = Ticket(priority: task.priority, instant: task.dueAt, id: task.id, version: task.version)
        lanes[queue]?[type]?.ready.insert(ready)
      }
      guard scheduled else { continue }
      while let ticket = lanes[queue]?[type]?.scheduled.min, ticket.instant <= now || !isCurrent(ticket) {
        lanes[queue]?[type]?.scheduled.removeMin()
        guard isCurrent(ticket), let task = tasks[ticket.id] else { continue }
        found.oldest = min(found.oldest ?? task.dueAt, task.dueAt)
        if keepsSlot(task) { store(task, phase: .ready, hints: false) } else { leaveSlot(task) }
      }
      if let due = lanes[queue]?[type]?.scheduled.min?.instant { found.nextDue = min(found.nextDue ?? due, due) }
    }
  }

  /// Takes the queue's first claimable task out of its heap, past those that the open transaction has changed.
  ///
  /// - Parameters:
  ///   - position: nil: sees everything.
  ///   - leasesAt: leases that end after that are not over, although another claim may have judged them by a later time.
  ///   - hidden: what it did not see goes there, out of its heap.
  private mutating func takeNext(
    of queue: QueueName,
    types: Set<TaskType>,
    behind position: ScanPosition?,
    leasesAt: Date,
    _ hidden: inout [InMemoryLocks.Passed]
  ) -> InMemoryTask? {
    let bounds = position?.bounds(of: queue) ?? []
    var best: (type: TaskType, ticket: Ticket)?
    for type in laneTypes(of: queue, among: types) {
      while let ticket = lanes[queue]?[type]?.ready.min {
        let passed = InMemoryLocks.Passed(queue: queue, type: type, ticket: ticket)
        if !isCurrent(ticket) {
          lanes[queue]?[type]?.ready.removeMin()
        } else if locks.tasks.contains(ticket.id) {
          lanes[queue]?[type]?.ready.removeMin()
          locks.passedOver.append(passed)
        } else if bounds.contains(where: { ticket.isHidden(by: $0) }) || isHeld(ticket.id, after: leasesAt) {
          lanes[queue]?[type]?.ready.removeMin()
          hidden.append(passed)
        } else {
          break
        }
      }
      guard let ticket = lanes[queue]?[type]?.ready.min else { continue }
      if best.map({ ticket < $0.ticket }) ?? true { best = (type, ticket) }
    }
    guard let best else { return nil }
    lanes[queue]?[best.type]?.ready.removeMin()
    return tasks[best.ticket.id]
  }

  private func isHeld(_ id: TaskID, after instant: Date) -> Bool {
    if case .held(_, let until)? = tasks[id]?.phase { until > instant } else { false }
  }

  /// An array, not the dictionary's keys: those would share the lanes' storage, and changing a heap would copy it.
  private func laneTypes(of queue: QueueName, among types: Set<TaskType>) -> [TaskType] {
    lanes[queue]?.keys.filter(types.contains) ?? []
  }

  private mutating func hold(_ taken: InMemoryTask, lease: Duration, now: Date) -> ClaimedTask {
    var task = taken
    // A token at this point is that of a worker whose lease ended without an outcome.
    if task.token != nil { task.crashes += 1 }
    task.attempt += 1
    let claim = Claim(id: task.id, token: .random(in: Int64.min...Int64.max))
    store(task, phase: .held(token: claim.token, until: now.adding(lease)))
    let content = task.content
    return ClaimedTask(
      claim: claim,
      queue: task.queue,
      type: task.type,
      priority: task.priority,
      payload: task.content.payload,
      headers: content.headers,
      attempt: task.attempt,
      failures: task.failures,
      crashes: task.crashes,
      maxAttempts: content.maxAttempts,
      retry: content.retry,
      deadline: content.deadline,
      createdAt: task.createdAt,
      dueAt: task.dueAt,
      claimedAt: now,
      isCancelRequested: task.isCancelRequested,
      steps: flows.steps[task.id] ?? [],
      isFollowed: (task.member?.number ?? 0) > 0
    )
  }
}

extension Array {
  fileprivate func rotated(by offset: Int) -> ArraySlice<Element> {
    guard !isEmpty else { return [] }
    let start = Int(UInt(bitPattern: offset) % UInt(count))
    return self[start...] + self[..<start]
  }
}

extension InMemoryState.Ticket {
  fileprivate func isHidden(by bound: ScanPosition.Bound) -> Bool {
    priority == bound.priority && (instant, id) <= (bound.dueAt, bound.id)
  }
}

extension ClaimRequest.Scope {
  /// Where a claim of this scope begins; nil: at the start.
  fileprivate var start: ScanPosition? {
    switch self {
    case .everything: nil
    case .after(let position), .rescan(let position): position
    }
  }
}
