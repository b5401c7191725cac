/// What the engine has to tell people. Errors come as texts; a payload is in none of them.
package enum EngineEvent: Sendable {
  // Of one task

  /// The handler threw. `nextIn`: how long until the next attempt; nil: there is none, the task becomes a dead letter.
  case attemptFailed(task: TaskLabel, error: String, errorType: String, failures: Int, nextIn: Duration?)
  /// `lastError`: what its last attempt threw, if that is why.
  case deadLetter(TaskLabel, DeadLetterReason, detail: String?, lastError: String?)
  /// A flow has failed for good, and comes back to be undone before it is a dead letter for this reason.
  case undoing(TaskLabel, DeadLetterReason, detail: String?)
  /// The lease ended without a renewal, or another claim took the task. Its handler is cancelled.
  case leaseLost(TaskLabel)
  /// The attempt's outcome came when its claim had lost the task already.
  case outcomeLost(TaskLabel)
  /// The handler ran longer than its timeout, and is cancelled.
  case timedOut(TaskLabel, limit: Duration)
  /// The handler ignores its cancellation; its slot is free again, and what it returns counts for nothing.
  case handlerGivenUp(TaskLabel, CancelReason)
  /// The store refuses the outcome's own data; the task comes back when its lease ends.
  case outcomeRefused(TaskLabel, error: String)
  /// The attempt's outcome has waited so long for a row that another session has locked; it is offered again and again.
  case outcomeBlocked(TaskLabel, for: Duration)

  // Of the worker

  /// Handlers block Swift's threads instead of suspending.
  case handlersBlock(types: [TaskType: Int], for: Duration)
  case storeFailed(String, retryIn: Duration)
  case storeBack(after: Duration)
  case renewalFailed(count: Int, error: String)
  case listenerFailed(error: String, retryIn: Duration)
  /// A look behind the position, or one for maintenance, failed; it is tried again.
  case lookFailed(String)
  /// The store's clock moved by so much against the worker's.
  case clockJumped(by: Duration)

  // Of a shutdown

  case handlersIgnoreCancellation(count: Int)
  /// So many outcomes could not be recorded before the end.
  case outcomesLeft(count: Int)

  // Of the tasks that wait

  /// What a look for due tasks without a handler here found; empty: none.
  case unhandled([TaskCount])
  /// What a look for queues that no worker seems to serve found; empty: none.
  case unserved([QueueName])
  /// What was dropped because the time for which it is kept was over; nothing: none.
  case dropped(RetentionReport)
  /// The schedules could not be looked at, or moved on.
  case schedulesFailed(String, retryIn: Duration)
  /// A schedule's rule cannot be read here.
  case scheduleBroken(name: String, problem: String)
  /// Tasks of registered types go to queues that this worker does not serve, unless an enqueue says otherwise.
  case typesOutsideQueues([TaskType: QueueName])
  /// Batches of these types never get as large as they may.
  case batchesAboveSlots([TaskType: Int])
}

extension EngineEvent {
  /// The task that it is of, if it is of one.
  package var task: TaskLabel? {
    switch self {
    case .attemptFailed(let task, _, _, _, _), .deadLetter(let task, _, _, _), .undoing(let task, _, _),
      .leaseLost(let task),
      .outcomeLost(let task), .timedOut(let task, _), .handlerGivenUp(let task, _), .outcomeRefused(let task, _),
      .outcomeBlocked(let task, _):
      task
    default: nil
    }
  }

  /// What makes two events the same for people.
  struct Kind: Hashable, Sendable {
    var message: String
    var type: TaskType?
    var queue: QueueName?
    var text: String?
  }

  var kind: Kind { Kind(message: message, type: task?.type, queue: task?.queue, text: distinctText) }

  /// The text that tells events of the same message and type apart.
  private var distinctText: String? {
    switch self {
    case .attemptFailed(_, let error, _, _, _), .outcomeRefused(_, let error), .storeFailed(let error, _),
      .renewalFailed(_, let error), .listenerFailed(let error, _), .lookFailed(let error),
      .schedulesFailed(let error, _):
      error
    case .deadLetter(_, let reason, _, let lastError): lastError.map { "\(reason): \($0)" } ?? "\(reason)"
    case .undoing(_, let reason, _): "\(reason)"
    case .handlerGivenUp(_, let reason): reason.rawValue
    case .scheduleBroken(let name, _): name
    case .leaseLost, .outcomeLost, .outcomeBlocked, .timedOut, .handlersBlock, .storeBack, .clockJumped,
      .handlersIgnoreCancellation, .outcomesLeft, .unhandled, .unserved, .dropped, .typesOutsideQueues,
      .batchesAboveSlots:
      nil
    }
  }
}
