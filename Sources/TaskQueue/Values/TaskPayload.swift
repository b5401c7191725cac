/// The typed input of a task: what is stored as JSON when it is enqueued, and what the handler gets.
///
/// ```swift
/// struct SendReceipt: TaskPayload {
///   static let taskType: TaskType = "receipt.send"
///   var orderID: Int64
/// }
/// ```
public protocol TaskPayload: Codable, Sendable {
  /// The type under which the task is stored and its handler found. Renaming it orphans stored tasks.
  static var taskType: TaskType { get }
}
