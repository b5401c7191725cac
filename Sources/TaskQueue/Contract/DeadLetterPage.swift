#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How far a walk over the dead letters of one moment has come. Each is met at most once, whatever dies meanwhile.
/// ``TaskOperator/redrive(_:from:)`` and ``TaskOperator/purge(_:from:)`` begin one and hand it on.
public struct DeadLetterCursor: Hashable, Sendable {
  /// The last one that was looked at.
  public var after: TaskID
  /// Those that died later are another walk's: when this one began, by the store's clock.
  public var diedBy: Date

  public init(after: TaskID, diedBy: Date) {
    self.after = after
    self.diedBy = diedBy
  }
}

/// What one step of such a walk brought.
public struct DeadLetterPage: Hashable, Sendable {
  /// Those that the step changed; by ascending id.
  public var ids: [TaskID]
  /// nil: the walk is over.
  public var next: DeadLetterCursor?

  public init(ids: [TaskID], next: DeadLetterCursor?) {
    self.ids = ids
    self.next = next
  }
}
