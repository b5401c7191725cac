#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A worker that runs now, as it reported itself: ``TaskClient/workers()``.
public struct WorkerSnapshot: Hashable, Sendable, Identifiable {
  /// Of this run.
  public var id: UUID
  /// ``TaskWorkerConfiguration/name``.
  public var name: String
  public var queues: [QueueName]
  /// Of its handlers.
  public var types: [TaskType]
  /// Handlers that it runs at the same time.
  public var slots: Int
  public var startedAt: Date
  /// When it reported last. It does every 30 s; one that does not for 2 minutes counts as gone.
  public var seenAt: Date

  public init(
    id: UUID,
    name: String,
    queues: [QueueName],
    types: [TaskType],
    slots: Int,
    startedAt: Date,
    seenAt: Date
  ) {
    self.id = id
    self.name = name
    self.queues = queues
    self.types = types
    self.slots = slots
    self.startedAt = startedAt
    self.seenAt = seenAt
  }
}
