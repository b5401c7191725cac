@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What completed tasks leave, and how many attempts ended.
struct InMemoryHistory {
  struct Done {
    let queue: QueueName
    let type: TaskType
    let attempt: Int
    let createdAt: Date
    let doneAt: Date
    let result: Data?
    let expiresAt: Date
  }

  struct Minute: Hashable {
    let start: Date
    let queue: QueueName
    let type: TaskType
    let outcome: String
  }

  var done: [TaskID: Done] = [:]
  var minutes: [Minute: Int] = [:]
}

extension InMemoryState {
  mutating func keep(_ task: InMemoryTask, _ conclusion: Conclusion, now: Date) {
    guard let retention = conclusion.retention(isInGroup: task.member != nil) else { return }
    history.done[task.id] = .init(
      queue: task.queue,
      type: task.type,
      attempt: task.attempt,
      createdAt: task.createdAt,
      doneAt: now,
      result: conclusion.result,
      expiresAt: now.adding(retention)
    )
  }

  func ending(of id: TaskID, now: Date) -> TaskEnding {
    if let task = tasks[id] {
      if case .finished = task.phase {} else { return .live }
    }
    if let done = history.done[id], done.expiresAt > now { return .completed(done.result) }
    if let letter = dead[id]?.letter {
      return .dead(letter.type, letter.reason, detail: letter.detail, lastError: letter.errors.last?.message)
    }
    return 1...max(1, lastID) ~= id.rawValue && lastID > 0 ? .gone : .unknown
  }

  mutating func note(_ counts: [AttemptCount], now: Date) {
    let start = Date(timeIntervalSince1970: (now.timeIntervalSince1970 / 60).rounded(.down) * 60)
    for count in counts {
      let minute = InMemoryHistory.Minute(
        start: start,
        queue: count.queue,
        type: count.type,
        outcome: count.outcome
      )
      history.minutes[minute, default: 0] += count.count
    }
  }

  func throughput(since start: Date, limit: Int) -> [ThroughputCount] {
    let counts = history.minutes
      .filter { $0.key.start.addingTimeInterval(60) > start }
      .map { minute, count in
        ThroughputCount(
          minute: minute.start,
          queue: minute.queue,
          type: minute.type,
          outcome: minute.outcome,
          attempts: count
        )
      }
      .sorted {
        ($0.minute, $0.queue.rawValue, $0.type.rawValue, $0.outcome)
          < ($1.minute, $1.queue.rawValue, $1.type.rawValue, $1.outcome)
      }
    return counts.suffix(limit)
  }

  mutating func dropOldHistory(now: Date) {
    history.done = history.done.filter { $0.value.expiresAt > now }
    history.minutes = history.minutes.filter { $0.key.start > now.addingTimeInterval(-30 * 86_400) }
  }
}
