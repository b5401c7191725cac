#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How one key of a limit stands: ``TaskClient/limitLines(of:after:limit:)``.
public struct LimitLine: Hashable, Sendable {
  /// Name and key.
  public var limit: TaskLimit
  /// Tasks that have a slot: they run, or are admitted and wait for a worker. Counted to ``Limits/page``.
  public var taken: BoundedCount
  /// Tasks that wait in line for a slot. Counted to ``Limits/page``.
  public var waiting: BoundedCount
  /// Until when the key is paused (``TaskOperator/pauseLimit(_:key:for:)``); nil: it is not.
  public var pausedUntil: Date?
  /// The dead letter that holds up the line (``LimitRule/AfterDeadLetter/hold``); nil: none does.
  public var heldBy: TaskID?

  public init(
    limit: TaskLimit,
    taken: BoundedCount,
    waiting: BoundedCount,
    pausedUntil: Date? = nil,
    heldBy: TaskID? = nil
  ) {
    self.limit = limit
    self.taken = taken
    self.waiting = waiting
    self.pausedUntil = pausedUntil
    self.heldBy = heldBy
  }
}
