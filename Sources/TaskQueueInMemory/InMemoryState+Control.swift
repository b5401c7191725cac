@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

extension InMemoryState {
  package mutating func cancel(_ id: TaskID, now: Date) throws(TaskQueueError) -> CancelResult {
    guard 1...max(1, lastID) ~= id.rawValue, lastID > 0 else {
      throw TaskQueueError(.unknownTask, "There never was a task with id \(id).")
    }
    guard var task = tasks[id] else { return .alreadyFinished }
    switch task.phase {
    case .finished: return .alreadyFinished
    case .scheduled, .ready, .held(_, ...now):
      bury(task, .cancelled, detail: nil, now: now)
      return .cancelled
    case .held:
      task.isCancelRequested = true
      // What was asked for before the cancellation is cancelled with it.
      task.rerun = nil
      tasks[id] = task
      hints.insert(.cancelRequested(id))
      return .requested
    }
  }

  mutating func runNow(_ id: TaskID, expectedAttempt: Int, now: Date) -> Bool {
    guard var task = tasks[id], task.attempt == expectedAttempt else { return false }
    switch task.phase {
    case .finished: return false
    case .held(_, let until) where until > now: return false
    case .scheduled, .ready, .held:
      if task.token == nil {
        task.dueAt = min(task.dueAt, now)
        store(task, phase: .ready)
      }
      return true
    }
  }

  /// Passes over what the open transaction has changed.
  mutating func deleteDuplicates(_ filter: DuplicateFilter, now: Date) -> Int {
    let doomed = duplicates(filter, now: now).filter { !locks.tasks.contains($0.id) }
    for task in doomed { remove(task) }
    return doomed.count
  }

  func duplicates(_ filter: DuplicateFilter, now: Date) -> [InMemoryTask] {
    tasks.values.filter { task in
      guard task.id < filter.olderThan, task.type == filter.type, task.priority >= filter.minPriority else {
        return false
      }
      switch task.phase {
      case .finished: return false
      case .held(_, let until) where until > now: return false
      case .scheduled, .ready, .held:
        return JSONValue.topLevelText(filter.property, in: task.content.payload) == filter.value
      }
    }
  }

  mutating func redrive(_ filter: DeadLetterFilter, now: Date) -> [TaskID] {
    var redriven: [TaskID] = []
    for letter in deadTasks(filter, after: nil, now: now) where redriven.count < Limits.page {
      var task = letter.task
      if let slot = task.uniqueSlot {
        if locks.slots.contains(slot) { continue }
        if let holder = slots[slot].flatMap({ tasks[$0] }) {
          guard case .finished(let keyUntil) = holder.phase, keyUntil <= now else { continue }
          remove(holder)
        }
        slots[slot] = task.id
      }
      dead[task.id] = nil
      task.resetCounters()
      task.dueAt = now
      task.content.deadline = nil
      store(task, phase: .ready)
      redriven.append(task.id)
    }
    return redriven
  }

  mutating func purge(_ filter: DeadLetterFilter, now: Date) -> Int {
    let doomed = deadTasks(filter, after: nil, now: now).prefix(Limits.page)
    for letter in doomed { dead[letter.task.id] = nil }
    return doomed.count
  }

  mutating func dropExpiredKeys(now: Date) -> Int {
    let expired = tasks.values.filter { task in
      if case .finished(let keyUntil) = task.phase { keyUntil <= now && !locks.tasks.contains(task.id) } else { false }
    }
    let doomed = expired.prefix(Limits.page)
    for task in doomed { remove(task) }
    return doomed.count
  }

  /// By ascending id.
  func deadTasks(_ filter: DeadLetterFilter, after id: TaskID?, now: Date) -> [InMemoryDeadTask] {
    let ids = filter.ids.map(Set.init)
    let latest = filter.olderThan.map { now.adding(.zero - $0) }
    return dead.values
      .filter { letter in
        (ids?.contains(letter.task.id) ?? true) && (filter.type.map { $0 == letter.task.type } ?? true)
          && (latest.map { letter.diedAt <= $0 } ?? true) && (id.map { letter.task.id > $0 } ?? true)
      }
      .sorted { $0.task.id < $1.task.id }
  }
}
