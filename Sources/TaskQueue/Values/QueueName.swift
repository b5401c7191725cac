/// A named lane of tasks. Workers choose the queues they serve; a queue can be paused. Same rules as ``TaskType``.
public struct QueueName: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public static let `default`: QueueName = "default"

  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(_ rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { self.rawValue = value }

  public var description: String { rawValue }

  /// - Throws: ``TaskQueueError/Code/invalidName``.
  public func validate() throws(TaskQueueError) { try NameRule.validate(rawValue, kind: "queue name") }
}
