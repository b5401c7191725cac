/// One page of a list: ``TaskClient/list(_:after:limit:)``.
public struct TaskPage: Sendable {
  /// By descending id, newest first; or, of a queue with more than ``Limits/listLook`` due tasks, in the order in which workers take them.
  public var tasks: [TaskSummary]
  /// Where the next page begins. nil: this is the last one. A page may have fewer tasks than were asked for, even none, and another one
  /// after it: a look ends after ``Limits/listLook`` rows.
  public var next: TaskCursor?
  /// How many rows the page looked at.
  public var lookedAt: Int

  public init(tasks: [TaskSummary], next: TaskCursor?, lookedAt: Int) {
    self.tasks = tasks
    self.next = next
    self.lookedAt = lookedAt
  }
}

/// Where a page of a list begins. Opaque: its text, of ASCII letters, digits, dots and hyphens, can stand in an address, and is good for the
/// same filter and store, at any time.
public struct TaskCursor: Hashable, Sendable, LosslessStringConvertible {
  public let description: String

  /// nil: no cursor has such a text.
  public init?(_ description: String) {
    guard 1...512 ~= description.utf8.count, description.utf8.allSatisfy(Self.isAllowed) else { return nil }
    self.description = description
  }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
      UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "."), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}

extension Limits {
  /// Rows that one page of a list looks at.
  public static let listLook = 10_000
}

extension TaskQueueError {
  /// A cursor of another store, another filter, or written by hand.
  @_spi(Store) public static var unknownCursor: TaskQueueError {
    .invalidOption(
      "This is no place in a list of these tasks. Give the one that the page before told, with the same conditions, or none."
    )
  }
}
