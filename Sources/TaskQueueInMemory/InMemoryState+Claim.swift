import HeapModule
@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension InMemoryState {
  mutating func claim(_ request: ClaimRequest, now: Date) -> Exchange {
    var seen: Set<QueueName> = []
    let queues = request.queues.filter { seen.insert($0).inserted && !paused.contains($0) }
    let types = Set(request.types)
    var nextDue: Date?
    for queue in queues {
      endLeases(queue, types: types, now: request.leasesAt.map { min($0, now) } ?? now)
      if request.promotesDue { promote(queue, types: types, now: now, nextDue: &nextDue) }
    }

    // One task of each queue in turn: a fair share while several have tasks, everything for the only one that has.
    var claimed: [ClaimedTask] = []
    var active = Array(queues.rotated(by: rotation))
    rotation &+= 1
    while !active.isEmpty, claimed.count < request.limit {
      active.removeAll { queue in
        guard claimed.count < request.limit else { return false }
        guard let task = takeNext(of: queue, types: types) else { return true }
        claimed.append(hold(task, lease: request.lease, now: now))
        return false
      }
    }
    claimed.sort { ($0.priority, $0.dueAt, $0.claim.id) < ($1.priority, $1.dueAt, $1.claim.id) }
    return Exchange(
      claimed: claimed,
      mayHaveMore: request.limit > 0 && claimed.count == request.limit,
      nextDueIn: request.promotesDue ? nextDue.map { .seconds(max(0, $0.timeIntervalSince(now))) } : nil
    )
  }

  /// Makes tasks with ended leases claimable.
  private mutating func endLeases(_ queue: QueueName, types: Set<TaskType>, now: Date) {
    for type in laneTypes(of: queue, among: types) {
      while let ticket = lanes[queue]?[type]?.held.min, ticket.instant <= now || !isCurrent(ticket) {
        lanes[queue]?[type]?.held.removeMin()
        guard isCurrent(ticket), let task = tasks[ticket.id] else { continue }
        let ready = Ticket(priority: task.priority, instant: task.dueAt, id: task.id, version: task.version)
        lanes[queue]?[type]?.ready.insert(ready)
      }
    }
  }

  /// Makes tasks that became due claimable.
  private mutating func promote(_ queue: QueueName, types: Set<TaskType>, now: Date, nextDue: inout Date?) {
    for type in laneTypes(of: queue, among: types) {
      while let ticket = lanes[queue]?[type]?.scheduled.min, ticket.instant <= now || !isCurrent(ticket) {
        lanes[queue]?[type]?.scheduled.removeMin()
        guard isCurrent(ticket), let task = tasks[ticket.id] else { continue }
        store(task, phase: .ready, hints: false)
      }
      if let due = lanes[queue]?[type]?.scheduled.min?.instant { nextDue = min(nextDue ?? due, due) }
    }
  }

  /// Takes the queue's first claimable task out of its heap, past those that the open transaction has changed.
  private mutating func takeNext(of queue: QueueName, types: Set<TaskType>) -> InMemoryTask? {
    var best: (type: TaskType, ticket: Ticket)?
    for type in laneTypes(of: queue, among: types) {
      while let ticket = lanes[queue]?[type]?.ready.min, !isCurrent(ticket) || locks.tasks.contains(ticket.id) {
        lanes[queue]?[type]?.ready.removeMin()
        if isCurrent(ticket) { locks.passedOver.append(.init(queue: queue, type: type, ticket: ticket)) }
      }
      guard let ticket = lanes[queue]?[type]?.ready.min else { continue }
      if best.map({ ticket < $0.ticket }) ?? true { best = (type, ticket) }
    }
    guard let best else { return nil }
    lanes[queue]?[best.type]?.ready.removeMin()
    return tasks[best.ticket.id]
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
      isCancelRequested: task.isCancelRequested
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
