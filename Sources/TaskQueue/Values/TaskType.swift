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

enum NameRule {
  static let maxBytes = 128

  static func validate(_ name: String, kind: String) throws(TaskQueueError) {
    guard !name.isEmpty else { throw .invalidName("A \(kind) must not be empty.") }
    guard name.utf8.count <= maxBytes else {
      throw .invalidName("A \(kind) must be at most \(maxBytes) UTF-8 bytes long; got \(name.utf8.count).")
    }
    guard !name.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F }) else {
      throw .invalidName("A \(kind) must not contain control characters.")
    }
  }
}
