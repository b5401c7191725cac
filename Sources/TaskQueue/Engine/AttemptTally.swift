import Synchronization

/// How many attempts of this worker ended since it reported last. As many entries at most as it has queues, types and outcomes.
final class AttemptTally: Sendable {
  private struct Kind: Hashable {
    let queue: QueueName
    let type: TaskType
    let outcome: String
  }

  private let counts = Mutex<[Kind: Int]>([:])

  func note(_ queue: QueueName, _ type: TaskType, _ end: AttemptEnd?) {
    guard let end else { return }
    counts.withLock { $0[Kind(queue: queue, type: type, outcome: end.name), default: 0] += 1 }
  }

  /// Empties it.
  func take() -> [AttemptCount] {
    let taken = counts.withLock { counts in
      defer { counts.removeAll(keepingCapacity: true) }
      return counts
    }
    return taken.map { AttemptCount(queue: $0.queue, type: $0.type, outcome: $0.outcome, count: $1) }
  }

  /// A report that failed.
  func putBack(_ taken: [AttemptCount]) {
    counts.withLock { counts in
      for count in taken {
        counts[Kind(queue: count.queue, type: count.type, outcome: count.outcome), default: 0] += count.count
      }
    }
  }
}
