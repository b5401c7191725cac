#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// All queues at a glance: ``TaskClient/overview()``.
public struct QueueOverview: Sendable {
  /// By name, at most ``Limits/page``: those with a task that is due or runs, with a worker, or paused; and what is found of others among the
  /// tasks that wait and the latest dead letters.
  public var queues: [QueueSummary]
  /// Calls to other systems of which nobody knows whether they happened, and contradicted ones: ``TaskClient/unsettledEffects(olderThan:limit:)``.
  public var unsettledEffects: BoundedCount
  /// When the oldest of those was begun.
  public var oldestUnsettledAt: Date?
  /// When the store was read, by its clock.
  public var at: Date
  /// Whether it was read on a hot standby, which may lag behind, and where nothing can be changed.
  public var isStandby: Bool

  public init(
    queues: [QueueSummary],
    unsettledEffects: BoundedCount,
    oldestUnsettledAt: Date?,
    at: Date,
    isStandby: Bool
  ) {
    self.queues = queues
    self.unsettledEffects = unsettledEffects
    self.oldestUnsettledAt = oldestUnsettledAt
    self.at = at
    self.isStandby = isStandby
  }
}

/// One queue at a glance. Counts are bounded, to ``QueueSummary/maxCount`` or less where there are very many queues.
public struct QueueSummary: Sendable, Identifiable {
  /// Tasks of one state are counted so far and no further.
  public static let maxCount = 1_000

  public var queue: QueueName
  /// Since when it is paused; nil: it is not.
  public var pausedSince: Date?
  /// Waiting for a worker, also if the queue is paused.
  public var due: BoundedCount
  /// Waiting in line for their limit.
  public var limited: BoundedCount
  /// Held by a worker. Looked for in the order of claims, until so many due ones come in a row: one that many later tasks have overtaken may
  /// be missed.
  public var running: BoundedCount
  /// Waiting for their time, another attempt, or, as flows do, for something to happen.
  public var waiting: BoundedCount
  /// Dead letters; of very many the latest are looked at.
  public var dead: BoundedCount
  /// Since when the task that waits longest for a worker is due; nil: none does. Looked for in the 20 most urgent priorities.
  public var oldestDueAt: Date?
  /// Workers that serve it.
  public var workers: Int

  public var id: QueueName { queue }

  public init(
    queue: QueueName,
    pausedSince: Date? = nil,
    due: BoundedCount = .zero,
    limited: BoundedCount = .zero,
    running: BoundedCount = .zero,
    waiting: BoundedCount = .zero,
    dead: BoundedCount = .zero,
    oldestDueAt: Date? = nil,
    workers: Int = 0
  ) {
    self.queue = queue
    self.pausedSince = pausedSince
    self.due = due
    self.limited = limited
    self.running = running
    self.waiting = waiting
    self.dead = dead
    self.oldestDueAt = oldestDueAt
    self.workers = workers
  }
}
