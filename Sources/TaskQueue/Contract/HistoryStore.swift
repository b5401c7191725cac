#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Where it is known what became of tasks that are gone. Every store with a history passes `HistoryConformance` of `TaskQueueConformance`.
@_spi(Store) public protocol HistoryStore: Sendable {
  /// What is known of a task's end, by one snapshot.
  func ending(of task: TaskID) async throws(TaskQueueError) -> TaskEnding

  /// Adds attempts that ended since the last report to the minute of now, by the store's clock.
  func note(_ counts: [AttemptCount], within limit: Duration) async throws(TaskQueueError)
  /// The minutes of the time before now, oldest first; the last `limit` counts.
  func throughput(of time: Duration, limit: Int) async throws(TaskQueueError) -> [ThroughputCount]

  /// Makes room for what is to be kept, and drops what is not any more, bounded.
  /// - Returns: how many rows it deleted one by one.
  func keepHistory(within limit: Duration) async throws(TaskQueueError) -> Int
}

/// What is known of a task's end.
@_spi(Store) public enum TaskEnding: Hashable, Sendable {
  /// It has not ended.
  case live
  /// Completed, and kept; with its result, as JSON, if there is one.
  case completed(Data?)
  /// A dead letter, with the message of its last error.
  case dead(TaskType, DeadLetterReason, detail: String?, lastError: String?)
  /// There was such a task, and nothing is known of its end.
  case gone
  /// There never was one.
  case unknown
}

/// Attempts of one kind that ended in one way.
@_spi(Store) public struct AttemptCount: Hashable, Sendable {
  public var queue: QueueName
  public var type: TaskType
  /// As the metrics name it.
  public var outcome: String
  public var count: Int

  public init(queue: QueueName, type: TaskType, outcome: String, count: Int) {
    self.queue = queue
    self.type = type
    self.outcome = outcome
    self.count = count
  }
}
