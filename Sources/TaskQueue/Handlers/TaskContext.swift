public import Logging

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a handler knows about the attempt it runs.
public struct TaskContext: Sendable {
  /// The claimed task as stored.
  public let task: ClaimedTask
  private let baseLogger: Logger

  /// Carries the task's id, type, queue and attempt as metadata. Made at each use: tasks that log nothing pay nothing.
  public var logger: Logger {
    var logger = baseLogger
    logger[metadataKey: LogKey.taskID] = "\(id)"
    logger[metadataKey: LogKey.type] = "\(type)"
    logger[metadataKey: LogKey.queue] = "\(queue)"
    logger[metadataKey: LogKey.attempt] = "\(attempt)"
    return logger
  }

  public var id: TaskID { task.claim.id }
  /// The fence, for settling in the handler's own transaction.
  public var claim: Claim { task.claim }
  public var type: TaskType { task.type }
  public var queue: QueueName { task.queue }
  /// This attempt's number, from 1. Above 1, an earlier attempt may have done part of the work.
  public var attempt: Int { task.attempt }
  /// Errors thrown by earlier attempts.
  public var failures: Int { task.failures }
  public var headers: [String: String] { task.headers }
  public var deadline: Date? { task.deadline }

  public init(task: ClaimedTask, logger: Logger) {
    self.task = task
    baseLogger = logger
  }
}
