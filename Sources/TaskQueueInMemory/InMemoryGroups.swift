@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A group of tasks: the same rules as the functions `_make_group`, `_count_ends` and `_purge_groups`. As every call is one step, an end is counted
/// at once.
struct InMemoryGroup {
  /// A task's place in its group.
  struct Member {
    let group: GroupID
    /// From 1; 0: the group's callback.
    let number: Int
  }

  /// An end that is not counted yet.
  struct NewEnd {
    let member: Member
    let task: TaskID?
    let outcome: GroupEnd.Outcome
  }

  let tasks: [TaskID]
  let atMost: Int?
  let parent: TaskID?
  let callback: TaskID?
  let createdAt: Date
  /// Members from 1 to this one may run.
  var released: Int
  /// Of those, the ones that have not ended.
  var running: Int
  var ends: [GroupEnd] = []
  var endedMembers: Set<Int> = []
  var completed = 0
  var finishedAt: Date?
  var expiresAt: Date?
  var checkedAt: Date

  var progress: GroupProgress {
    GroupProgress(
      total: tasks.count,
      completed: completed,
      failed: ends.count - completed,
      createdAt: createdAt,
      finishedAt: finishedAt
    )
  }
}

extension InMemoryState {
  /// Of tasks that were stored in the same transaction.
  mutating func makeGroup(
    of ids: [TaskID],
    atMost: Int?,
    parent: TaskID?,
    callback: TaskID?,
    now: Date
  ) throws(TaskQueueError) -> GroupID {
    guard ids.allSatisfy({ tasks[$0].map { $0.member == nil && $0.content.unique == nil } ?? false }) else {
      throw TaskQueueError(.storeFailed, "A group is made of new tasks without unique keys.")
    }
    if let callback {
      guard let task = tasks[callback], task.member == nil, task.content.unique == nil else {
        throw TaskQueueError(.storeFailed, "The callback of a group is a new task without a unique key.")
      }
    }
    lastGroup += 1
    let id = GroupID(lastGroup)
    let released = min(ids.count, atMost ?? ids.count)
    for (index, task) in ids.enumerated() {
      tasks[task]?.member = .init(group: id, number: index + 1)
      if index >= released { holdBack(task, now: now) }
    }
    if let callback {
      tasks[callback]?.member = .init(group: id, number: 0)
      tasks[callback]?.content.headers[GroupID.header] = "\(id)"
      if !ids.isEmpty { holdBack(callback, now: now) }
    }
    groups[id] = InMemoryGroup(
      tasks: ids,
      atMost: atMost,
      parent: parent,
      callback: callback,
      createdAt: now,
      released: released,
      running: released,
      finishedAt: ids.isEmpty ? now : nil,
      expiresAt: ids.isEmpty ? now.adding(Limits.groupRetention) : nil,
      checkedAt: now
    )
    return id
  }

  private mutating func holdBack(_ id: TaskID, now: Date) {
    guard var task = tasks[id] else { return }
    task.dueAt = now.adding(Limits.delay)
    store(task, phase: .scheduled)
  }

  // MARK: Ends

  /// In an open transaction it is counted when that commits.
  mutating func noteEnd(of task: InMemoryTask, _ outcome: GroupEnd.Outcome, now: Date) {
    guard let member = task.member, member.number > 0 else { return }
    let end = InMemoryGroup.NewEnd(member: member, task: task.id, outcome: outcome)
    if limits.gives { count(end, now: now) } else { newEnds.append(end) }
  }

  mutating func count(_ end: InMemoryGroup.NewEnd, now: Date) {
    let id = end.member.group
    guard var group = groups[id], group.endedMembers.insert(end.member.number).inserted else { return }
    let before = group.ends.count
    group.ends.append(
      GroupEnd(member: end.member.number, place: before + 1, task: end.task, outcome: end.outcome)
    )
    if case .completed = end.outcome { group.completed += 1 }
    if end.member.number <= group.released { group.running -= 1 }
    while group.running < group.atMost ?? .max, group.released < group.tasks.count {
      group.released += 1
      // One that ended before its turn makes no room.
      guard !group.endedMembers.contains(group.released) else { continue }
      group.running += 1
      release(group.tasks[group.released - 1], now: now)
    }
    let isFinished = group.ends.count == group.tasks.count
    if isFinished {
      group.finishedAt = now
      if group.parent == nil { group.expiresAt = now.adding(Limits.groupRetention) }
      if let callback = group.callback { release(callback, now: now) }
    }
    groups[id] = group
    guard group.parent != nil else { return }
    for mark in GroupRules.marks(from: before, to: group.ends.count, of: group.tasks.count) {
      let event = FlowEvent(own: GroupRules.key(id, mark: mark), retention: .seconds(86_400))
      _ = emit(event, now: now)
    }
  }

  private mutating func release(_ id: TaskID, now: Date) {
    guard var task = tasks[id], case .scheduled = task.phase, task.dueAt > now else { return }
    task.dueAt = now
    store(task, phase: .scheduled)
    hints.insert(.lineChanged(task.queue))
  }

  mutating func expireGroups(of parent: TaskID, now: Date) {
    for (id, group) in groups where group.parent == parent { groups[id]?.expiresAt = now }
  }

  mutating func keepGroups(now: Date) -> Int {
    let unchecked = groups.filter {
      $0.value.finishedAt == nil && $0.value.checkedAt.adding(GroupRules.checkInterval) < now
    }
    for (id, group) in unchecked {
      groups[id]?.checkedAt = now
      for (index, task) in group.tasks.enumerated() where tasks[task] == nil && !locks.tasks.contains(task) {
        let member = InMemoryGroup.Member(group: id, number: index + 1)
        count(.init(member: member, task: nil, outcome: .gone), now: now)
      }
    }
    let expired = groups.filter { group in
      let parentIsGone = group.value.parent.map { tasks[$0] == nil && dead[$0] == nil } ?? false
      return group.value.finishedAt != nil && (parentIsGone || group.value.expiresAt.map { $0 <= now } ?? false)
    }
    for (id, _) in expired.prefix(Limits.page) { groups[id] = nil }
    return min(expired.count, Limits.page)
  }
}
