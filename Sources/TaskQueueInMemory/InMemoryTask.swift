@_spi(Store) package import TaskQueue

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// One task as the in-memory store keeps it, live or dead.
package struct InMemoryTask {
  /// Can go: scheduled → ready → held → scheduled, ready, finished or gone; scheduled and ready → gone. A limited task without a slot is in
  /// line before it is ready.
  package enum Phase {
    /// Not due when last looked at.
    case scheduled
    /// Due, and waits for a slot of its limit.
    case inLine
    /// May be claimed.
    case ready
    /// Claimed. Once `until` has passed it may be claimed again; until that happens the token still settles.
    case held(token: Int64, until: Date)
    /// Completed; keeps its unique key until then.
    case finished(keyUntil: Date)
  }

  /// The one more run that a held task is marked for.
  enum Rerun {
    case unchanged
    case replaced(NewTask)
  }

  package let id: TaskID
  let createdAt: Date
  var content: NewTask
  var attempt = 0
  var failures = 0
  package var crashes = 0
  package var dueAt: Date
  var errors: [TaskFailure] = []
  package var phase: Phase = .scheduled
  var rerun: Rerun?
  var isCancelRequested = false
  /// Of its limit; nil: none, or it has none now.
  var slot: Int?
  /// Of its group; nil: none.
  var member: InMemoryGroup.Member?
  /// Keeps its slot while it waits for another attempt.
  package var isOrdered = false
  /// Changes with every change of phase, so that tickets of earlier phases are known as stale.
  var version: UInt64 = 0

  init(id: TaskID, content: NewTask, now: Date, dueAt: Date) {
    self.id = id
    self.content = content
    self.createdAt = now
    self.dueAt = dueAt
  }

  package var queue: QueueName { content.queue }
  package var type: TaskType { content.type }
  package var priority: Int { content.priority }
  var uniqueSlot: InMemoryState.UniqueSlot? { content.uniqueSlot }

  /// The token under which it was claimed and not settled yet, also when that lease is over.
  package var token: Int64? {
    if case .held(let token, _) = phase { token } else { nil }
  }

  func state(now: Date) -> TaskState {
    switch phase {
    case .finished: .finished
    case .held(_, let until) where until > now: .running
    case .held: .due
    case .inLine: .limited
    case .scheduled, .ready: dueAt <= now ? .due : .waiting
    }
  }

  mutating func record(_ failure: TaskFailure) {
    var failure = failure
    if failure.message.utf8.count > Limits.errorMessageBytes {
      failure.message = failure.message.prefix(utf8Bytes: Limits.errorMessageBytes)
    }
    failures += 1
    errors.append(failure)
    if errors.count > Limits.errorHistory { errors.removeFirst(errors.count - Limits.errorHistory) }
  }

  mutating func resetCounters() {
    attempt = 0
    failures = 0
    crashes = 0
  }

  func snapshot(now: Date) -> TaskSnapshot {
    TaskSnapshot(
      id: id,
      queue: queue,
      type: type,
      state: state(now: now),
      priority: priority,
      payload: content.payload,
      headers: content.headers,
      attempt: attempt,
      failures: failures,
      crashes: crashes,
      uniqueKey: content.unique?.key,
      limit: content.limit,
      dueAt: dueAt,
      createdAt: createdAt,
      errors: errors
    )
  }
}

/// A task that was put aside, with the whole task so that it can be redriven.
package struct InMemoryDeadTask {
  var task: InMemoryTask
  var reason: DeadLetterReason
  var detail: String?
  var diedAt: Date
  /// Holds up those behind it in line.
  var holdsLine = false

  var letter: DeadLetter {
    DeadLetter(
      id: task.id,
      queue: task.queue,
      type: task.type,
      priority: task.priority,
      payload: task.content.payload,
      headers: task.content.headers,
      reason: reason,
      detail: detail,
      attempt: task.attempt,
      failures: task.failures,
      crashes: task.crashes,
      createdAt: task.createdAt,
      diedAt: diedAt,
      errors: task.errors
    )
  }
}

extension String {
  /// The longest prefix of whole characters with at most that many UTF-8 bytes.
  func prefix(utf8Bytes limit: Int) -> String {
    var end = utf8.index(startIndex, offsetBy: limit, limitedBy: endIndex) ?? endIndex
    while end > startIndex, end.samePosition(in: unicodeScalars) == nil { end = utf8.index(before: end) }
    return String(self[..<end])
  }
}
