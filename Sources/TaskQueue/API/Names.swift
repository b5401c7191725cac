/// Identifies one task. Ids are handed out in ascending order by the store and never used twice.
public struct TaskID: RawRepresentable, Hashable, Comparable, Sendable, Codable, CustomStringConvertible {
  public let rawValue: Int64

  public init(rawValue: Int64) { self.rawValue = rawValue }
  public init(_ rawValue: Int64) { self.rawValue = rawValue }

  public init(from decoder: any Decoder) throws {
    rawValue = try decoder.singleValueContainer().decode(Int64.self)
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }

  public static func < (lhs: TaskID, rhs: TaskID) -> Bool { lhs.rawValue < rhs.rawValue }
  public var description: String { String(rawValue) }
}

/// The name under which handlers are registered, such as `payment.init`.
///
/// 1 to 128 UTF-8 bytes without control characters; anything else is refused with
/// ``TaskQueueError/Code/invalidName`` when a task is enqueued or a handler is registered, before any SQL.
public struct TaskType: RawRepresentable, Hashable, Sendable, ExpressibleByStringLiteral, CustomStringConvertible {
  public let rawValue: String

  public init(rawValue: String) { self.rawValue = rawValue }
  public init(_ rawValue: String) { self.rawValue = rawValue }
  public init(stringLiteral value: String) { self.rawValue = value }

  public var description: String { rawValue }

  /// - Throws: ``TaskQueueError/Code/invalidName``.
  public func validate() throws(TaskQueueError) { try NameRule.validate(rawValue, kind: "task type") }
}

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

enum NameRule {
  static let maximumBytes = 128

  static func validate(_ name: String, kind: String) throws(TaskQueueError) {
    guard !name.isEmpty else { throw .invalidName("A \(kind) must not be empty.") }
    guard name.utf8.count <= maximumBytes else {
      throw .invalidName("A \(kind) must be at most \(maximumBytes) UTF-8 bytes long; got \(name.utf8.count).")
    }
    guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      throw .invalidName("A \(kind) must not contain control characters.")
    }
  }
}
