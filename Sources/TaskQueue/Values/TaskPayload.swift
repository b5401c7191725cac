/// The typed input of a task: what is stored as JSON when it is enqueued, and what the handler gets.
///
/// ```swift
/// struct SendReceipt: TaskPayload {
///   static let taskType: TaskType = "receipt.send"
///   var orderID: Int64
/// }
/// ```
///
/// A type that is only `Codable` is enqueued and registered by naming the task type instead: ``TaskClient/enqueue(_:as:options:)``
/// and ``TaskHandlers/register(_:as:options:_:)``.
public protocol TaskPayload: Codable, Sendable {
  /// The type under which the task is stored and its handler found. Renaming it orphans stored tasks.
  static var taskType: TaskType { get }

  /// Queue, priority, unique key, retry, attempts and timeout of all tasks of this type.
  static var taskDefaults: TaskDefaults<Self> { get }
}

extension TaskPayload {
  /// The library's own defaults.
  public static var taskDefaults: TaskDefaults<Self> { TaskDefaults() }
}
