/// Why there is no result of a task.
public struct TaskResultError: Error, Sendable, CustomStringConvertible {
  /// The kind of trouble. Codes may be added in minor versions.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// It is a dead letter: it failed, was discarded, expired or was cancelled (``TaskResultError/reason``).
    public static let dead = Code("dead")
    /// It has not ended in the time that was given. It goes on.
    public static let timedOut = Code("timedOut")
    /// It is gone, and its end was not kept, or not for so long: neither its type nor its enqueue asked for it, or it was deleted.
    public static let notKept = Code("notKept")
    /// There never was a task with this id.
    public static let unknownTask = Code("unknownTask")
    /// It completed, and returned no result. An optional takes that.
    public static let noResult = Code("noResult")
    /// The result is not what was asked for.
    public static let unreadable = Code("unreadable")
  }

  public var code: Code
  public var task: TaskID
  /// The task's type, where it is known.
  public var type: TaskType?
  /// Why it is a dead letter; nil: it is none.
  public var reason: DeadLetterReason?
  /// Why, in the words of its handler, of the queue, or of its last error.
  public var detail: String?
  /// What is wrong. Never holds a result.
  public var message: String

  init(
    _ code: Code,
    _ task: TaskID,
    _ message: String,
    type: TaskType? = nil,
    reason: DeadLetterReason? = nil,
    detail: String? = nil
  ) {
    self.code = code
    self.task = task
    self.message = message
    self.type = type
    self.reason = reason
    self.detail = detail
  }

  public var description: String { "Task \(task): \(code): \(message)\(detail.map { " (\($0))" } ?? "")" }
}

extension TaskResultError {
  package static func dead(
    _ task: TaskID?,
    _ type: TaskType?,
    _ reason: DeadLetterReason,
    detail: String?
  ) -> TaskResultError {
    let kind = type.map { " of \($0)" } ?? ""
    return TaskResultError(
      .dead,
      task ?? TaskID(0),
      "It is a dead letter\(kind): \(reason.rawValue).",
      type: type,
      reason: reason,
      detail: detail
    )
  }

  package static func notKept(_ task: TaskID?) -> TaskResultError {
    TaskResultError(.notKept, task ?? TaskID(0), "It is gone, and its end was not kept.")
  }
}
