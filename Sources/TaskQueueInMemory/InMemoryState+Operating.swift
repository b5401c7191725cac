@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What people see: the same as the functions `_list_tasks`, `_task_detail`, `_overview` and `_limit_lines`, but for the order, which is always by id.
extension InMemoryState {
  func list(
    _ filter: TaskFilter,
    after cursor: TaskCursor?,
    limit: Int,
    now: Date
  ) throws(TaskQueueError) -> TaskPage {
    var below = Int64.max
    if let cursor {
      guard cursor.description.hasPrefix("i."), let id = Int64(cursor.description.dropFirst(2)) else {
        throw .unknownCursor
      }
      below = id
    }
    let all = summaries(of: filter.place, now: now).filter { $0.id.rawValue < below }.sorted { $0.id > $1.id }
    var page = TaskPage(tasks: [], next: nil, lookedAt: 0)
    for summary in all {
      if page.lookedAt == Limits.listLook {
        page.next = TaskCursor("i.\(below)")
        break
      }
      if filter.includes(summary) {
        if page.tasks.count == limit {
          page.next = TaskCursor("i.\(below)")
          break
        }
        page.tasks.append(summary)
      }
      page.lookedAt += 1
      below = summary.id.rawValue
    }
    return page
  }

  private func summaries(of place: TaskFilter.Place, now: Date) -> [TaskSummary] {
    switch place {
    case .live: tasks.values.map { summary($0, now: now) }
    case .dead: dead.values.map { summary($0) }
    case .done: history.done.filter { $0.value.expiresAt > now }.map { summary($0.key, $0.value) }
    }
  }

  func summary(_ task: InMemoryTask, now: Date) -> TaskSummary {
    var summary = TaskSummary(
      id: task.id,
      queue: task.queue,
      type: task.type,
      state: task.state(now: now),
      priority: task.priority,
      attempt: task.attempt,
      failures: task.failures,
      crashes: task.crashes,
      uniqueKey: task.content.unique?.key,
      limit: task.content.limit,
      dueAt: task.dueAt,
      createdAt: task.createdAt,
      lastError: task.errors.last?.message,
      isFlow: isFlow(task.id)
    )
    switch task.phase {
    case .finished:
      summary.dueAt = nil
      summary.endedAt = finishedAt(task)
    case .held(_, let until) where until > now: summary.leaseUntil = until
    case .scheduled, .inLine, .ready, .held: break
    }
    return summary
  }

  /// A finished task is kept for its key's period from then on.
  private func finishedAt(_ task: InMemoryTask) -> Date? {
    guard case .finished(let keyUntil) = task.phase, let period = task.content.unique?.periodAfterCompletion else {
      return nil
    }
    return keyUntil.adding(.zero - period)
  }

  private func summary(_ letter: InMemoryDeadTask) -> TaskSummary {
    var summary = summary(letter.task, now: .distantFuture)
    summary.state = .dead
    summary.dueAt = nil
    summary.leaseUntil = nil
    summary.endedAt = letter.diedAt
    summary.reason = letter.reason
    summary.lastError = summary.lastError ?? letter.detail
    return summary
  }

  private func summary(_ id: TaskID, _ done: InMemoryHistory.Done) -> TaskSummary {
    TaskSummary(
      id: id,
      queue: done.queue,
      type: done.type,
      state: .done,
      priority: 100,
      attempt: done.attempt,
      failures: 0,
      crashes: 0,
      createdAt: done.createdAt,
      endedAt: done.doneAt
    )
  }

  private func isFlow(_ id: TaskID) -> Bool { !(flows.steps[id] ?? []).isEmpty }

  /// What is there of it.
  private func anySummary(_ id: TaskID, now: Date) -> TaskSummary? {
    if let task = tasks[id] { return summary(task, now: now) }
    if let letter = dead[id] { return summary(letter) }
    return history.done[id].flatMap { $0.expiresAt > now ? summary(id, $0) : nil }
  }

  // MARK: One task

  func detail(of id: TaskID, withPayload: Bool, now: Date) -> TaskDetail? {
    guard let summary = anySummary(id, now: now) else { return nil }
    var detail = TaskDetail(summary: summary, explanation: TaskExplanation(id: id, causes: causes(of: id, now: now)))
    if let task = tasks[id] ?? dead[id]?.task {
      detail.headers = task.content.headers
      detail.payload = withPayload ? task.content.payload : nil
      detail.deadline = task.content.deadline
      detail.maxAttempts = task.content.maxAttempts
      detail.isCancelRequested = task.isCancelRequested
      detail.runsAgain = task.rerun != nil
      detail.errors = task.errors
    }
    if case .finished(let keyUntil) = tasks[id]?.phase { detail.keptUntil = keyUntil }
    if let done = history.done[id], done.expiresAt > now {
      if summary.state == .done { detail.keptUntil = done.expiresAt }
      detail.result = withPayload ? done.result : nil
    }
    detail.deathDetail = dead[id]?.detail
    detail.steps = (flows.steps[id] ?? []).sorted { $0.place < $1.place }.prefix(Limits.page).map { step in
      var step = step
      step.digest = nil
      if !withPayload { step.value = nil }
      return step
    }
    detail.effects = effectRecords(now: now) { effect, _ in effect.task == id }
      .sorted { $0.name.rawValue < $1.name.rawValue }.prefix(Limits.page).map { record in
        var record = record
        if !withPayload { record.value = nil }
        return record
      }
    addGroups(to: &detail, now: now)
    detail.workers = presentWorkers(now: now).compactMap { worker in
      guard worker.queues.contains(summary.queue), worker.types.contains(summary.type) else { return nil }
      var worker = worker
      worker.held = []
      return worker
    }
    detail.actions = actions(before: nil, about: .task(id), limit: TaskDetail.maxActions)
    return detail
  }

  private func addGroups(to detail: inout TaskDetail, now: Date) {
    let id = detail.summary.id
    let member = tasks[id]?.member
    detail.group = member?.group
    if let member, member.number > 0 { detail.parent = groups[member.group]?.parent }
    var own = groups.filter { $0.value.parent == id }.sorted { $0.key < $1.key }.prefix(TaskDetail.maxChildren)
    if let member, member.number == 0, let group = groups[member.group] { own.append((member.group, group)) }
    detail.groups = own.map { TaskGroupSummary(id: $0.key, progress: $0.value.progress, atMost: $0.value.atMost) }
    for (groupID, group) in own {
      for (index, task) in group.tasks.enumerated() where detail.children.count < TaskDetail.maxChildren {
        let end = group.ends.first { $0.member == index + 1 }
        detail.children.append(
          TaskChild(
            group: groupID,
            member: index + 1,
            task: task,
            outcome: end?.outcome.name,
            summary: anySummary(task, now: now)
          )
        )
      }
    }
  }

  // MARK: All tasks

  func overview(now: Date) -> QueueOverview {
    var queues: [QueueName: QueueSummary] = [:]
    func count(_ state: WritableKeyPath<QueueSummary, BoundedCount>, _ queue: QueueName) {
      var summary = queues[queue] ?? QueueSummary(queue: queue)
      if summary[keyPath: state].value < QueueSummary.maxCount {
        summary[keyPath: state].value += 1
      } else {
        summary[keyPath: state].isMore = true
      }
      queues[queue] = summary
    }
    for task in tasks.values {
      switch task.state(now: now) {
      case .due:
        count(\.due, task.queue)
        let oldest = queues[task.queue]?.oldestDueAt ?? task.dueAt
        queues[task.queue]?.oldestDueAt = min(oldest, task.dueAt)
      case .limited: count(\.limited, task.queue)
      case .running: count(\.running, task.queue)
      case .waiting: count(\.waiting, task.queue)
      default: break
      }
    }
    for letter in dead.values { count(\.dead, letter.task.queue) }
    for queue in paused {
      queues[queue, default: QueueSummary(queue: queue)].pausedSince = pausedSince[queue] ?? now
    }
    for worker in presentWorkers(now: now) {
      for queue in Set(worker.queues) { queues[queue, default: QueueSummary(queue: queue)].workers += 1 }
    }
    let unsettled = effectRecords(now: now) { _, row in row.isContradicted || !row.isSettled }
    return QueueOverview(
      queues: Array(queues.values.sorted { $0.queue.rawValue < $1.queue.rawValue }.prefix(Limits.page)),
      unsettledEffects: BoundedCount(
        min(unsettled.count, QueueSummary.maxCount),
        isMore: unsettled.count > QueueSummary.maxCount
      ),
      oldestUnsettledAt: unsettled.map(\.intendedAt).min(),
      at: now,
      isStandby: false
    )
  }

  func limitLines(of name: String, after key: String?, limit: Int, now: Date) -> [LimitLine] {
    var lines: [TaskLimit: LimitLine] = [:]
    func line(_ limit: TaskLimit) -> LimitLine { lines[limit] ?? LimitLine(limit: limit, taken: .zero, waiting: .zero) }
    for task in tasks.values {
      guard let limit = task.content.limit?.line, limit.name == name else { continue }
      var line = line(limit)
      if task.slot != nil {
        line.taken.value += 1
      } else if case .inLine = task.phase {
        line.waiting.value += 1
      } else {
        continue
      }
      lines[limit] = line
    }
    for (limit, pace) in limits.paces where limit.name == name {
      guard let until = pace.pausedUntil, until > now else { continue }
      var line = line(limit)
      line.pausedUntil = until
      lines[limit] = line
    }
    return lines.values.filter { line in key.map { $0 < line.limit.key } ?? true }
      .sorted { $0.limit.key < $1.limit.key }.prefix(limit)
      .map { line in
        var line = line
        line.heldBy = limits.lines[line.limit]?.heldBy.min()
        return line
      }
  }

  // MARK: The journal

  func actions(before id: Int64?, about target: OperatorTarget?, limit: Int) -> [OperatorAction] {
    let task = target?.task
    let found = actions.reversed().lazy.filter { action in
      guard action.id < id ?? .max else { return false }
      guard let target else { return true }
      return action.target == target || task.map { action.tasks.contains($0) } ?? false
    }
    return Array(found.prefix(limit))
  }
}

extension TaskFilter {
  fileprivate func includes(_ task: TaskSummary) -> Bool {
    if let queue, task.queue != queue { return false }
    if let type, !matches(task.type, type) { return false }
    if let state, task.state != state { return false }
    if let createdBefore, task.createdAt >= createdBefore { return false }
    if let createdAfter, task.createdAt < createdAfter { return false }
    if let limit, task.limit?.line != limit.line { return false }
    if let reason, task.reason != reason { return false }
    guard let error else { return true }
    return task.lastError.map { $0.asciiLowercased.contains(error.asciiLowercased) } ?? false
  }

  private func matches(_ type: TaskType, _ wanted: TaskType) -> Bool {
    wanted.rawValue.hasSuffix("*")
      ? type.rawValue.utf8.starts(with: wanted.rawValue.utf8.dropLast()) : type == wanted
  }
}

extension GroupEnd.Outcome {
  fileprivate var name: String {
    switch self {
    case .completed: "completed"
    case .dead(let reason, _): reason.rawValue
    case .gone: "gone"
    }
  }
}

extension String {
  fileprivate var asciiLowercased: String {
    String(decoding: utf8.map { 0x41...0x5A ~= $0 ? $0 + 0x20 : $0 }, as: UTF8.self)
  }
}
