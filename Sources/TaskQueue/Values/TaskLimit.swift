/// Which limit a task keeps to: a rule by its name, and a key within it. At most as many tasks with both run at a time as the rule says,
/// on all workers together.
///
/// The key is what is counted: a customer, an account, a queue's name, or nothing for the rule as a whole. Which queue, type or worker a
/// task has does not matter. A task has one limit: to be admitted by two at once it would have to hold the one while it waits for the
/// other, and lines of several limits would then hold up each other.
public struct TaskLimit: Hashable, Sendable, CustomStringConvertible {
  static let maxNameBytes = 64
  static let maxKeyBytes = 128

  /// Of a ``LimitRule``.
  public var name: String
  /// At most 128 UTF-8 bytes without control characters; may be empty.
  public var key: String

  public init(_ name: String, key: String = "") {
    self.name = name
    self.key = key
  }

  /// As stores keep it: the name, a slash, the key.
  package init(line: String) {
    let name = line.prefix { $0 != "/" }
    self.init(String(name), key: String(line.dropFirst(name.count + 1)))
  }

  public var description: String { "\(name)/\(key)" }

  /// - Throws: ``TaskQueueError`` with `invalidName`.
  public func validate() throws(TaskQueueError) {
    try Self.validate(name: name)
    guard key.utf8.count <= Self.maxKeyBytes, !key.hasControlCharacters else {
      throw .invalidName("A limit's key must have at most \(Self.maxKeyBytes) UTF-8 bytes and no control characters.")
    }
  }

  static func validate(name: String) throws(TaskQueueError) {
    guard 1...maxNameBytes ~= name.utf8.count, !name.hasControlCharacters, !name.utf8.contains(UInt8(ascii: "/")) else {
      throw .invalidName(
        "A limit's name must have 1 to \(maxNameBytes) UTF-8 bytes, and no slashes or control characters."
      )
    }
  }
}

extension String {
  fileprivate var hasControlCharacters: Bool { unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F } }
}
