@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension InMemoryState {
  /// Whether there ever was a task with this id.
  func isKnown(_ id: TaskID) -> Bool { lastID > 0 && 1...lastID ~= id.rawValue }

  func snapshot(_ id: TaskID, now: Date) -> TaskSnapshot? {
    guard let task = tasks[id], task.state(now: now) != .finished else { return nil }
    return task.snapshot(now: now)
  }

  func snapshots(after id: TaskID?, limit: Int, now: Date) -> [TaskSnapshot] {
    tasks.values
      .filter { task in (id.map { task.id > $0 } ?? true) && task.state(now: now) != .finished }
      .sorted { $0.id < $1.id }
      .prefix(max(0, min(limit, Limits.page)))
      .map { $0.snapshot(now: now) }
  }

  func counts(now: Date) -> [TaskCount] {
    var counts: [TaskCount: Int] = [:]
    for task in tasks.values {
      counts[.init(queue: task.queue, type: task.type, state: task.state(now: now), count: 0), default: 0] += 1
    }
    return sorted(counts)
  }

  func unhandled(queues: [QueueName], knownTypes: [TaskType], now: Date) -> [TaskCount] {
    let queues = Set(queues)
    let known = Set(knownTypes)
    var counts: [TaskCount: Int] = [:]
    for task in tasks.values
    where queues.contains(task.queue) && !known.contains(task.type) && task.state(now: now) == .due {
      counts[.init(queue: task.queue, type: task.type, state: .due, count: 0), default: 0] += 1
    }
    return sorted(counts.mapValues { min($0, Limits.page) })
  }

  func unserved(besides queues: [QueueName], since instant: Date, now: Date) -> [QueueName] {
    let waiting = tasks.values.lazy.filter { $0.state(now: now) == .due && $0.dueAt <= instant }.map(\.queue)
    let served = tasks.values.lazy.filter { $0.state(now: now) == .running }.map(\.queue)
    let unserved = Set(waiting).subtracting(queues).subtracting(paused).subtracting(served)
    return Array(unserved.sorted { $0.rawValue < $1.rawValue }.prefix(Limits.page))
  }

  private func sorted(_ counts: [TaskCount: Int]) -> [TaskCount] {
    counts
      .map { TaskCount(queue: $0.queue, type: $0.type, state: $0.state, count: $1) }
      .sorted {
        ($0.queue.rawValue, $0.type.rawValue, $0.state.rawValue)
          < ($1.queue.rawValue, $1.type.rawValue, $1.state.rawValue)
      }
  }
}
