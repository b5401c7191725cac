#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How many attempts of one queue and type ended in one way in a minute. Approximate: see ``TaskClient/throughput(of:limit:)``.
public struct ThroughputCount: Hashable, Sendable {
  /// When the minute began.
  public var minute: Date
  public var queue: QueueName
  public var type: TaskType
  /// As the metrics name it: `completed`, `failed`, `again`, `snoozed`, `discarded`, `suspended`, `timed_out`, … More may come.
  public var outcome: String
  public var attempts: Int

  /// Outcomes of attempts that did not do what they were to do.
  package static let failures: Set<String> = ["failed", "timed_out", "discarded", "lease_lost"]

  @_spi(Store) public init(minute: Date, queue: QueueName, type: TaskType, outcome: String, attempts: Int) {
    self.minute = minute
    self.queue = queue
    self.type = type
    self.outcome = outcome
    self.attempts = attempts
  }
}
