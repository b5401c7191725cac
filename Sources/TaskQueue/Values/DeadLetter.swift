#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task that was put aside.
public struct DeadLetter: Sendable {
  public var id: TaskID
  public var queue: QueueName
  public var type: TaskType
  public var priority: Int
  public var payload: Data
  public var headers: [String: String]
  public var reason: DeadLetterReason
  public var detail: String?
  public var attempt: Int
  public var failures: Int
  public var crashes: Int
  public var createdAt: Date
  public var diedAt: Date
  public var errors: [TaskFailure]

  public init(
    id: TaskID,
    queue: QueueName,
    type: TaskType,
    priority: Int,
    payload: Data,
    headers: [String: String],
    reason: DeadLetterReason,
    detail: String?,
    attempt: Int,
    failures: Int,
    crashes: Int,
    createdAt: Date,
    diedAt: Date,
    errors: [TaskFailure]
  ) {
    self.id = id
    self.queue = queue
    self.type = type
    self.priority = priority
    self.payload = payload
    self.headers = headers
    self.reason = reason
    self.detail = detail
    self.attempt = attempt
    self.failures = failures
    self.crashes = crashes
    self.createdAt = createdAt
    self.diedAt = diedAt
    self.errors = errors
  }
}

/// Which dead letters are meant. All conditions hold together; none means all.
public struct DeadLetterFilter: Sendable {
  public var ids: [TaskID]?
  public var type: TaskType?
  /// Only those that died at least this long ago.
  public var olderThan: Duration?

  public static var all: DeadLetterFilter { .init() }

  public init(ids: [TaskID]? = nil, type: TaskType? = nil, olderThan: Duration? = nil) {
    self.ids = ids
    self.type = type
    self.olderThan = olderThan
  }

  func validate() throws(TaskQueueError) {
    if let olderThan { try Limits.validateAge(olderThan, "olderThan") }
  }
}
