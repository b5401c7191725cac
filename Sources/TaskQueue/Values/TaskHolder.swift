#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// The worker that runs a task, by that worker's last report. The attempt may have ended since; then the next report, at most 10 s later, says so.
public struct TaskHolder: Hashable, Sendable {
  /// ``TaskWorkerConfiguration/name``: of the host and the process unless configured otherwise.
  public var worker: String
  /// When the attempt's claim took the task.
  public var since: Date
  /// When the worker reported.
  public var seenAt: Date

  public init(worker: String, since: Date, seenAt: Date) {
    self.worker = worker
    self.since = since
    self.seenAt = seenAt
  }
}
