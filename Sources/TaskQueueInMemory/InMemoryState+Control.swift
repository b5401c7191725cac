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
    case _ where flows.isUnwinding(id):
      // It ends as a dead letter once what it did is undone.
      return .requested
    case .scheduled, .inLine, .ready, .held(_, ...now):
      task.rerun = nil
      bury(task, .cancelled, detail: nil, now: now)
      return tasks[id] == nil ? .cancelled : .requested
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
    case .scheduled, .inLine, .ready, .held:
      if task.token == nil {
        task.dueAt = min(task.dueAt, now)
        store(task, phase: .ready)
      }
      return true
    }
  }

  /// Passes over what the open transaction has changed.
  mutating func deleteDuplicates(_ filter: DuplicateFilter, now: Date) -> Int {
    let doomed = duplicates(filter, now: now).filter { !locks.tasks.contains($0.id) && !hasUnknownEffect($0.id) }
    for task in doomed { remove(task) }
    return doomed.count
  }

  func duplicates(_ filter: DuplicateFilter, now: Date) -> [InMemoryTask] {
    tasks.values.filter { task in
      guard task.id < filter.olderThan, task.type == filter.type, task.priority >= filter.minPriority,
        task.member == nil
      else {
        return false
      }
      switch task.phase {
      case .finished: return false
      case .held(_, let until) where until > now: return false
      case .scheduled, .inLine, .ready, .held:
        return JSONValue.topLevelText(filter.property, in: task.content.payload) == filter.value
      }
    }
  }

  mutating func redrive(_ filter: DeadLetterFilter, from cursor: DeadLetterCursor?, now: Date) -> DeadLetterPage {
    var redriven: [TaskID] = []
    let (letters, next) = step(filter, from: cursor, now: now)
    for letter in letters {
      var task = letter.task
      if let slot = task.uniqueSlot {
        if locks.slots.contains(slot) { continue }
        if let holder = slots[slot].flatMap({ tasks[$0] }) {
          guard case .finished(let keyUntil) = holder.phase, keyUntil <= now else { continue }
          remove(holder)
        }
        slots[slot] = task.id
      }
      task.resetCounters()
      task.dueAt = now
      task.content.deadline = nil
      flows.beginAnewIfUndone(task.id)
      store(task, phase: .ready)
      removeDead(letter)
      redriven.append(task.id)
    }
    return DeadLetterPage(ids: redriven, next: next)
  }

  mutating func purge(_ filter: DeadLetterFilter, from cursor: DeadLetterCursor?, now: Date) -> DeadLetterPage {
    let (doomed, next) = step(filter, from: cursor, now: now)
    for letter in doomed { removeDead(letter) }
    return DeadLetterPage(ids: doomed.map(\.task.id), next: next)
  }

  /// A page of the dead letters of the moment at which the walk began, and where the next one begins.
  private func step(
    _ filter: DeadLetterFilter,
    from cursor: DeadLetterCursor?,
    now: Date
  ) -> (letters: [InMemoryDeadTask], next: DeadLetterCursor?) {
    let diedBy = cursor?.diedBy ?? dead.values.reduce(now) { max($0, $1.diedAt) }
    let letters = deadTasks(filter, after: cursor?.after, now: now).filter { $0.diedAt <= diedBy }.prefix(Limits.page)
    guard letters.count == Limits.page, let last = letters.last else { return (Array(letters), nil) }
    return (Array(letters), DeadLetterCursor(after: last.task.id, diedBy: diedBy))
  }

  mutating func dropExpiredKeys(now: Date) -> Int {
    limits.dropOldPaces()
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
