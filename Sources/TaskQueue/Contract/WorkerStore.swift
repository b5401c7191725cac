#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Where it is known which workers run, and so why a task does not. Nothing is decided by it: it is for people.
@_spi(Store) public protocol WorkerStore: Sendable {
  /// A worker's report that it runs; its instants are the store's. Forgets those that have not reported for ``WorkerTimes/goneAfter``.
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
  public var queues: [QueueName]
  public var types: [TaskType]
  public var slots: Int

  public init(id: UUID, name: String, queues: [QueueName], types: [TaskType], slots: Int) {
    self.id = id
    self.name = name
    self.queues = queues
    self.types = types
    self.slots = slots
  }
}

/// When workers report.
@_spi(Store) public enum WorkerTimes {
  public static let reportInterval: Duration = .seconds(30)
  /// Between two reports of what it did.
  public static let countInterval: Duration = .seconds(10)
  /// After a report that failed.
  public static let retryInterval: Duration = .seconds(5)
  /// As in the view `workers` and the functions `_note_worker` and `explain`.
  public static let goneAfter: Duration = .seconds(120)
}
