/// Which limit a task keeps to: a rule by its name, and a key within it. At most as many tasks with both run at a time as the rule says,
/// on all workers together.
///
/// The key is what is counted: a customer, an account, a queue's name, or nothing for the rule as a whole. Which queue, type or worker a
/// task has does not matter. A task has one limit: to be admitted by two at once it would have to hold the one while it waits for the
/// other, and lines of several limits would then hold up each other.
public struct TaskLimit: Hashable, Sendable, CustomStringConvertible {
  static let maxNameBytes = 64
  static let maxKeyBytes = 128
  package static let maxWeight = 1_000

  /// Of a ``LimitRule``.
  public var name: String
  /// At most 128 UTF-8 bytes without control characters; may be empty.
  public var key: String
  /// As how many tasks it counts where the rule has a rate: 1 to 1,000. A weight above the rate's burst waits until the key was idle for as long.
  public var weight: Int

  public init(_ name: String, key: String = "", weight: Int = 1) {
    self.name = name
    self.key = key
    self.weight = weight
  }

  /// As stores keep it: see ``stored``.
  package init(stored: String) {
    let name = stored.utf8.prefix { $0 != UInt8(ascii: "/") }
    let rest = stored.utf8.dropFirst(name.count + 1)
    let key = rest.prefix { $0 != 1 }
    let weight = Int(String(Substring(rest.dropFirst(key.count + 1)))) ?? 1
    self.init(String(Substring(name)), key: String(Substring(key)), weight: weight)
  }

  /// The name, a slash, the key; behind a control character, the weight if it is not one.
  package var stored: String { weight == 1 ? description : "\(description)\u{1}\(weight)" }

  /// What is counted together.
  package var line: TaskLimit { TaskLimit(name, key: key) }

  public var description: String { "\(name)/\(key)" }

  /// - Throws: ``TaskQueueError`` with `invalidName`, or `invalidOption` for the weight.
  public func validate() throws(TaskQueueError) {
    try Self.validate(name: name)
    guard key.utf8.count <= Self.maxKeyBytes, !key.hasControlCharacters else {
      throw .invalidName("A limit's key must have at most \(Self.maxKeyBytes) UTF-8 bytes and no control characters.")
    }
    guard 1...Self.maxWeight ~= weight else {
      throw .invalidOption("A task's weight must be in 1 … \(Self.maxWeight); got \(weight).")
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
