#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task as a line of a list: live, dead or done. Never a payload.
public struct TaskSummary: Hashable, Sendable, Identifiable {
  public var id: TaskID
  public var queue: QueueName
  public var type: TaskType
  /// ``TaskState/dead`` and ``TaskState/done`` besides those of live tasks. A task of a paused queue is due.
  public var state: TaskState
  /// Lower first. Of done ones 100: it is not kept.
  public var priority: Int
  /// Claims so far; the attempt under way counts.
  public var attempt: Int
  /// Attempts that ended with an error; of flows since the last recorded step.
  public var failures: Int
  /// Attempts whose lease ran out without an outcome, since the last outcome.
  public var crashes: Int
  public var uniqueKey: String?
  public var limit: TaskLimit?
  /// From when on it may be claimed. nil: it has ended.
  public var dueAt: Date?
  /// For how long a worker holds it, if it does not renew that. nil: it does not run.
  public var leaseUntil: Date?
  public var createdAt: Date
  /// When it completed or was put aside. nil: it lives.
  public var endedAt: Date?
  /// The message of the last error, cut to ``Limits/errorMessageBytes``; of a dead letter without one, why it was put aside. nil: there was none, or it is done.
  public var lastError: String?
  /// Why it is a dead letter. nil: it is none.
  public var reason: DeadLetterReason?
  /// Whether it has recorded steps. Of done ones false: nothing is left of them.
  public var isFlow: Bool

  public init(
    id: TaskID,
    queue: QueueName,
    type: TaskType,
    state: TaskState,
    priority: Int,
    attempt: Int,
    failures: Int,
    crashes: Int,
    uniqueKey: String? = nil,
    limit: TaskLimit? = nil,
    dueAt: Date? = nil,
    leaseUntil: Date? = nil,
    createdAt: Date,
    endedAt: Date? = nil,
    lastError: String? = nil,
    reason: DeadLetterReason? = nil,
    isFlow: Bool = false
  ) {
    self.id = id
    self.queue = queue
    self.type = type
    self.state = state
    self.priority = priority
    self.attempt = attempt
    self.failures = failures
    self.crashes = crashes
    self.uniqueKey = uniqueKey
    self.limit = limit
    self.dueAt = dueAt
    self.leaseUntil = leaseUntil
    self.createdAt = createdAt
    self.endedAt = endedAt
    self.lastError = lastError
    self.reason = reason
    self.isFlow = isFlow
  }
}
