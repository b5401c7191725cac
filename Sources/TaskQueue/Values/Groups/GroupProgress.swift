#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How far a group of tasks is. Members are counted a moment after they have ended.
public struct GroupProgress: Hashable, Sendable {
  public var total: Int
  /// Members that completed.
  public var completed: Int
  /// Members that became dead letters: failed, discarded, expired, cancelled; and those that are gone in another way. One that is redriven is
  /// counted as failed all the same.
  public var failed: Int
  public var createdAt: Date
  /// When all had ended; nil: not yet.
  public var finishedAt: Date?

  public var ended: Int { completed + failed }

  @_spi(Store)
  public init(total: Int, completed: Int, failed: Int, createdAt: Date, finishedAt: Date?) {
    self.total = total
    self.completed = completed
    self.failed = failed
    self.createdAt = createdAt
    self.finishedAt = finishedAt
  }
}

extension Limits {
  /// Tasks of one group, and children of one call.
  public static let groupTasks = 100_000
  /// How long a group without a parent is known after its last member has ended.
  public static let groupRetention: Duration = .seconds(7 * 86_400)
}
