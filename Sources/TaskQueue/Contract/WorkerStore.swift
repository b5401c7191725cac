#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Where it is known which workers run, and so why a task does not. Nothing is decided by it: it is for people.
@_spi(Store) public protocol WorkerStore: Sendable {
  /// A worker's report that it runs, and what; all its instants are the store's. Forgets those that have not reported for ``WorkerTimes/goneAfter``.
  func note(_ worker: WorkerReport, within limit: Duration) async throws(TaskQueueError)
  /// Forgets one that ends. Idempotent.
  func forgetWorker(_ id: UUID, within limit: Duration) async throws(TaskQueueError)
  /// Those that run, by name; at most ``Limits/page``.
  func workers() async throws(TaskQueueError) -> [WorkerSnapshot]
  /// Every id has an explanation. One round trip, with looks by index and bounded counts.
  func explain(_ id: TaskID) async throws(TaskQueueError) -> TaskExplanation
}

/// What a worker says of itself.
@_spi(Store) public struct WorkerReport: Hashable, Sendable {
  public var id: UUID
  public var name: String
  /// Empty: it shuts down.
  public var queues: [QueueName]
  public var types: [TaskType]
  public var slots: Int
  public var version: String?
  /// Attempts that it runs.
  public var inFlight: Int
  /// Those of them that have run for ``WorkerTimes/heldAfter``, or all while it shuts down, the oldest first, at most ``WorkerSnapshot/maxHeld``.
  public var held: [HeldAttempt]

  public init(
    id: UUID,
    name: String,
    queues: [QueueName],
    types: [TaskType],
    slots: Int,
    version: String? = nil,
    inFlight: Int = 0,
    held: [HeldAttempt] = []
  ) {
    self.id = id
    self.name = name
    self.queues = queues
    self.types = types
    self.slots = slots
    self.version = version
    self.inFlight = inFlight
    self.held = held
  }
}

/// When workers report.
@_spi(Store) public enum WorkerTimes {
  public static let reportInterval: Duration = .seconds(30)
  /// Between two reports of what it did, and of what it holds if that has changed.
  public static let countInterval: Duration = .seconds(10)
  /// An attempt that has run for so long is reported by itself. Of one interval, so that short ones, of which there may be thousands a second, never
  /// are.
  public static let heldAfter = countInterval
  /// After a report that failed.
  public static let retryInterval: Duration = .seconds(5)
  /// As in the view `workers` and the functions `_note_worker` and `explain`.
  public static let goneAfter: Duration = .seconds(120)
}
