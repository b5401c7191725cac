#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// An attempt that a worker had been running for 10 s or more when it reported last: ``WorkerSnapshot/held``.
public struct HeldAttempt: Hashable, Sendable {
  public var task: TaskID
  public var type: TaskType
  /// The attempt's number, from 1.
  public var attempt: Int
  /// When its claim took the task, by the store's clock.
  public var since: Date

  public init(task: TaskID, type: TaskType, attempt: Int, since: Date) {
    self.task = task
    self.type = type
    self.attempt = attempt
    self.since = since
  }
}
