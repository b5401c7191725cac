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
  /// When it reported last. It does every 30 s, and sooner if ``held`` changes; one that does not for 2 minutes counts as gone.
  public var seenAt: Date
  /// ``TaskWorkerConfiguration/version``. nil: it has none.
  public var version: String?
  /// Attempts that it ran when it reported last. nil: an older program, which does not say.
  public var inFlight: Int?
  /// Those of them that it had been running for 10 s or more, the oldest first, at most ``maxHeld``. What has ended since is here until the next
  /// report, at most 10 s later. Empty in a ``TaskDetail``.
  public var held: [HeldAttempt]

  /// Attempts that a worker names.
  public static let maxHeld = 20

  public init(
    id: UUID,
    name: String,
    queues: [QueueName],
    types: [TaskType],
    slots: Int,
    startedAt: Date,
    seenAt: Date,
    version: String? = nil,
    inFlight: Int? = nil,
    held: [HeldAttempt] = []
  ) {
    self.id = id
    self.name = name
    self.queues = queues
    self.types = types
    self.slots = slots
    self.startedAt = startedAt
    self.seenAt = seenAt
    self.version = version
    self.inFlight = inFlight
    self.held = held
  }
}
