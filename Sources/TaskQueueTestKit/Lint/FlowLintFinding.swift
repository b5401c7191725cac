public import TaskQueue

/// Why a live flow would not go on as it should under new code.
public struct FlowLintFinding: Sendable, CustomStringConvertible {
  /// What is wrong. Kinds may be added in minor versions.
  public struct Kind: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// A recorded step that the handler does not come to any more.
    public static let stepNotReached = Kind("stepNotReached")
    /// A step that would run now although what is recorded comes after it.
    public static let runsBeforeRecorded = Kind("runsBeforeRecorded")
    /// A step with another input than it was recorded with, or that has become something else.
    public static let inputChanged = Kind("inputChanged")
    /// A recorded value that does not fit its type any more.
    public static let valueUnreadable = Kind("valueUnreadable")
    /// A payload that does not fit its type any more, or a type without a handler.
    public static let payloadUnreadable = Kind("payloadUnreadable")
    /// The handler threw something else.
    public static let handlerFailed = Kind("handlerFailed")
    /// The recording is cut off: the flow was not checked.
    public static let notChecked = Kind("notChecked")
  }

  public let kind: Kind
  public let task: TaskID
  /// As in `FlowStep.name`; nil: it is of no step.
  public let step: String?
  /// What is wrong and what to do about it.
  public let message: String

  public var description: String { "Task \(task): \(kind): \(message)" }
}
