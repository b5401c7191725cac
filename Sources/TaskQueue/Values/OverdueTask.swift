#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A task that should be final by now.
public struct OverdueTask: Hashable, Sendable {
  public var id: TaskID
  public var queue: QueueName
  public var type: TaskType
  public var createdAt: Date
  /// How long it should have been final.
  public var overdueBy: Duration
  /// Whether it is a dead letter.
  public var isDead: Bool

  public init(id: TaskID, queue: QueueName, type: TaskType, createdAt: Date, overdueBy: Duration, isDead: Bool) {
    self.id = id
    self.queue = queue
    self.type = type
    self.createdAt = createdAt
    self.overdueBy = overdueBy
    self.isDead = isDead
  }
}
