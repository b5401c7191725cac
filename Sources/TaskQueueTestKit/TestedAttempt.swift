@_spi(Store) public import TaskQueue

/// One attempt of one task, and how the task stands after it.
public struct TestedAttempt: Sendable {
  public let id: TaskID
  public let type: TaskType
  public let queue: QueueName
  /// The attempt's number, from 1.
  public let attempt: Int
  /// What the handler, and the middleware around it, returned; an error that says its outcome (`TaskOutcomeError`) counts as
  /// that. nil: it threw, or was not started (its deadline had passed, it was cancelled).
  public let outcome: TaskOutcome?
  /// What it threw, or nil.
  public let error: (any Error)?
  /// Whether its flow waits now: for a sleep's end, or an event.
  public let isSuspended: Bool
  /// false: the claim had lost the task when the attempt ended, so its outcome counts for nothing; or the handler returned
  /// `settledInTransaction` although its transaction was rolled back, so that it comes back when the lease ends.
  public let isRecorded: Bool
  /// The task, if it is live; nil: it is finished, or dead.
  public let task: TaskSnapshot?
  /// The task, if it is a dead letter.
  public let deadLetter: DeadLetter?
  /// How long after its claim the live task is due again, to the millisecond. Exact with a time that stands still; on PostgreSQL the
  /// duration of the attempt comes on top.
  public let dueIn: Duration?

  /// Whether the task is done: completed, and no dead letter.
  public var isFinished: Bool { task == nil && deadLetter == nil }
  /// Errors thrown by the task's attempts so far; 0 for a finished one.
  public var failures: Int { task?.failures ?? deadLetter?.failures ?? 0 }

  init(_ result: SingleAttempt.Result, task: TaskSnapshot?, deadLetter: DeadLetter?) {
    id = result.task.claim.id
    type = result.task.type
    queue = result.task.queue
    attempt = result.task.attempt
    outcome = result.outcome
    error = result.error
    isSuspended = result.isSuspended
    let isStillHeld = task.map { $0.state == .running && $0.attempt == result.task.attempt } ?? false
    isRecorded = result.isRecorded && !isStillHeld
    self.task = task
    self.deadLetter = deadLetter
    dueIn = task.map { .milliseconds(since: result.task.claimedAt, until: $0.dueAt) }
  }
}
