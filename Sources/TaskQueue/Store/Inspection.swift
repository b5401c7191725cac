#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Where a live task stands.
public enum TaskState: String, Hashable, Sendable, CaseIterable {
  /// Waiting for its due time.
  case scheduled
  /// Due and waiting for a worker.
  case ready
  /// Held by a worker.
  case running
  /// Completed, kept only for its unique key's period.
  case finished
}

/// A live task as people see it.
public struct TaskSnapshot: Sendable {
  public var id: TaskID
  public var queue: QueueName
  public var type: TaskType
  public var state: TaskState
  public var priority: Int
  public var payload: Data
  public var headers: [String: String]
  public var attempt: Int
  public var failures: Int
  public var crashes: Int
  public var uniqueKey: String?
  public var dueAt: Date
  public var createdAt: Date
  /// The last ``Limits/errorHistory`` errors, oldest first.
  public var errors: [TaskFailure]

  public init(
    id: TaskID,
    queue: QueueName,
    type: TaskType,
    state: TaskState,
    priority: Int,
    payload: Data,
    headers: [String: String],
    attempt: Int,
    failures: Int,
    crashes: Int,
    uniqueKey: String?,
    dueAt: Date,
    createdAt: Date,
    errors: [TaskFailure]
  ) {
    self.id = id
    self.queue = queue
    self.type = type
    self.state = state
    self.priority = priority
    self.payload = payload
    self.headers = headers
    self.attempt = attempt
    self.failures = failures
    self.crashes = crashes
    self.uniqueKey = uniqueKey
    self.dueAt = dueAt
    self.createdAt = createdAt
    self.errors = errors
  }
}

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
}

/// What became of a cancellation.
public enum CancelResult: Hashable, Sendable {
  /// It was waiting and is now a dead letter (``DeadLetterReason/cancelled``).
  case cancelled
  /// A worker holds it; its handler will be told.
  case requested
  /// It is finished, dead or cancelled already. Nothing was changed.
  case alreadyFinished
}

/// How many live tasks of one type a queue has in one state.
public struct TaskCount: Hashable, Sendable {
  public var queue: QueueName
  public var type: TaskType
  public var state: TaskState
  public var count: Int

  public init(queue: QueueName, type: TaskType, state: TaskState, count: Int) {
    self.queue = queue
    self.type = type
    self.state = state
    self.count = count
  }
}

/// Which tasks ``TaskStore/deleteDuplicates(_:)`` removes.
public struct DuplicateFilter: Sendable {
  /// Only tasks older than (with a lower id than) this one.
  public var olderThan: TaskID
  public var type: TaskType
  /// A top-level property of the JSON payload …
  public var property: String
  /// … and its value as text: `42`, `true`, `abc`.
  public var value: String
  /// Only tasks with this priority or a less urgent one (a greater or equal number).
  public var minimumPriority: Int

  public init(olderThan: TaskID, type: TaskType, property: String, value: String, minimumPriority: Int = Int(Int16.min))
  {
    self.olderThan = olderThan
    self.type = type
    self.property = property
    self.value = value
    self.minimumPriority = minimumPriority
  }
}
