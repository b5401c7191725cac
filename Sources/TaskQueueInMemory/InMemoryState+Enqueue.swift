@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

extension InMemoryState {
  package mutating func enqueue(_ new: NewTask, now: Date) -> EnqueueResult {
    guard let unique = new.unique, let slot = new.uniqueSlot else { return insert(new, now: now) }
    guard let existing = slots[slot].flatMap({ tasks[$0] }) else { return insert(new, now: now) }
    if case .finished(let keyUntil) = existing.phase {
      guard keyUntil <= now else { return .init(id: existing.id, isNew: false) }
      remove(existing)
      return insert(new, now: now)
    }
    if unique.mode == .replace {
      replace(existing, with: new, now: now)
    } else if unique.mode == .coalesce {
      coalesce(existing, with: new, now: now)
    }
    return .init(id: existing.id, isNew: false)
  }

  /// The task that has the key, live or within its period after completion.
  func keyHolder(of slot: UniqueSlot, now: Date) -> TaskID? {
    guard let task = slots[slot].flatMap({ tasks[$0] }) else { return nil }
    if case .finished(let keyUntil) = task.phase, keyUntil <= now { return nil }
    return task.id
  }

  private mutating func insert(_ new: NewTask, now: Date) -> EnqueueResult {
    lastID += 1
    var task = InMemoryTask(id: TaskID(lastID), content: new, now: now, dueAt: new.dueAt(now: now))
    task.isOrdered = isOrdered(new)
    if let slot = task.uniqueSlot { slots[slot] = task.id }
    store(task, phase: task.dueAt <= now ? .ready : .scheduled)
    return .init(id: task.id, isNew: true)
  }

  private func isOrdered(_ task: NewTask) -> Bool {
    task.limit.flatMap { limits.statuses[$0.name]?.rule.order.isOrdered } ?? false
  }

  /// A task with a token counts as held even when its lease is over: its worker may still settle it, and would take the
  /// new content for done.
  private mutating func replace(_ existing: InMemoryTask, with new: NewTask, now: Date) {
    var task = existing
    if task.token != nil {
      // An attempt under way keeps its slot, and with it its limit.
      var content = new
      content.limit = task.content.limit
      task.rerun = .replaced(content)
      tasks[task.id] = task
    } else {
      let freed = task.slot.flatMap { slot in task.content.limit.map { (slot, $0) } }
      task.slot = nil
      task.content = new
      task.isOrdered = isOrdered(new)
      task.dueAt = new.dueAt(now: now)
      defer { if let (slot, limit) = freed { release(slot, of: limit) } }
      store(task, phase: task.dueAt <= now ? .ready : .scheduled)
    }
  }

  private mutating func coalesce(_ existing: InMemoryTask, with new: NewTask, now: Date) {
    var task = existing
    if task.token != nil {
      if task.rerun == nil { task.rerun = .unchanged }
      tasks[task.id] = task
    } else if new.dueAt(now: now) < task.dueAt {
      task.dueAt = new.dueAt(now: now)
      store(task, phase: task.dueAt <= now ? .ready : .scheduled)
    }
  }
}

extension NewTask {
  var uniqueSlot: InMemoryState.UniqueSlot? { unique.map { .init(queue: queue, key: $0.key) } }

  func dueAt(now: Date) -> Date {
    switch schedule.rule {
    case .now: now
    case .after(let delay): now.adding(max(.zero, delay))
    case .at(let instant): max(now, instant)
    }
  }
}

extension Date {
  /// Bounded by ``Limits/delay`` on both sides.
  func adding(_ duration: Duration) -> Date {
    addingTimeInterval(min(max(duration, .zero - Limits.delay), Limits.delay) / .seconds(1))
  }
}
