#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Where a task stands. Of live tasks the words of the view `live_task`; dead and done ones have left it. More may come.
public struct TaskState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// Waiting for its due time.
  public static let waiting = TaskState(rawValue: "waiting")
  /// Due and waiting for a worker.
  public static let due = TaskState(rawValue: "due")
  /// Due, and waiting in line for its limit.
  public static let limited = TaskState(rawValue: "limited")
  /// Held by a worker.
  public static let running = TaskState(rawValue: "running")
  /// Completed, kept only for its unique key's period.
  public static let finished = TaskState(rawValue: "finished")
  /// A dead letter: put aside until it is redriven or purged.
  public static let dead = TaskState(rawValue: "dead")
  /// Completed, and kept for as long as its type or its enqueue asked for (``EnqueueOptions/retain``).
  public static let done = TaskState(rawValue: "done")
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
  public var limit: TaskLimit?
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
    limit: TaskLimit? = nil,
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
    self.limit = limit
    self.dueAt = dueAt
    self.createdAt = createdAt
    self.errors = errors
  }
}
