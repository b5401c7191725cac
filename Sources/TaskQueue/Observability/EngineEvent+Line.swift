import Logging

/// How events read in a log: a fixed text, and the rest as metadata.
extension EngineEvent {
  /// nil: nothing is to be told.
  var level: Logger.Level? {
    switch self {
    case .deadLetter(_, .cancelled, _, _), .undoing(_, .cancelled, _), .storeBack: .info
    case .deadLetter, .handlerGivenUp, .outcomeRefused, .outcomesLeft: .error
    case .lookFailed: .debug
    case .unhandled(let counts): counts.isEmpty ? nil : .warning
    case .unserved(let queues): queues.isEmpty ? nil : .warning
    case .dropped(let report): report.deadLetters > 0 ? .notice : nil
    case .attemptFailed, .undoing, .leaseLost, .outcomeLost, .outcomeBlocked, .timedOut, .handlersBlock, .storeFailed,
      .renewalFailed, .listenerFailed, .clockJumped, .handlersIgnoreCancellation, .typesOutsideQueues,
      .batchesAboveSlots, .schedulesFailed, .scheduleBroken:
      .warning
    }
  }

  var message: String {
    switch self {
    case .attemptFailed(_, _, _, _, nextIn: nil): "The last attempt failed"
    case .attemptFailed: "An attempt failed; the task is tried again"
    case .deadLetter: "A task became a dead letter"
    case .undoing: "A flow has failed for good, and is undone before it becomes a dead letter"
    case .leaseLost: "A lease was lost; the handler is cancelled and its outcome ignored"
    case .outcomeLost: "The claim had lost its task; the outcome was not recorded"
    case .timedOut: "A handler ran longer than its timeout and is cancelled"
    case .handlerGivenUp: "A handler ignores its cancellation; its slot is given to another task"
    case .outcomeRefused: "The store refused an outcome's data; the task comes back when its lease ends"
    case .outcomeBlocked: "An outcome waits for a row that another transaction has locked"
    case .handlersBlock: "Handlers block Swift's threads; nothing else can run there meanwhile"
    case .storeFailed: "The store failed; it is tried again"
    case .storeBack: "The store answers again"
    case .renewalFailed: "Leases could not be renewed; tried again soon"
    case .listenerFailed: "Wake-ups are lost; polling goes on"
    case .lookFailed: "A look failed; it is tried again"
    case .clockJumped: "The store's clock jumped"
    case .handlersIgnoreCancellation: "Handlers ignore their cancellation; their tasks are handed back"
    case .outcomesLeft: "Outcomes could not be recorded before the end; those tasks come back when their leases end"
    case .unhandled: "Due tasks have no handler here; they wait for a worker that has one"
    case .unserved: "Queues have due tasks that no worker takes"
    case .dropped: "Old dead letters were dropped; their retention was over"
    case .schedulesFailed: "Schedules could not be looked at; it is tried again"
    case .scheduleBroken: "A schedule's rule cannot be read; it makes no tasks"
    case .typesOutsideQueues: "Registered types have default queues that are not served here"
    case .batchesAboveSlots: "Batches may be larger than what this worker runs at a time; they never are"
    }
  }

  var metadata: Logger.Metadata {
    var metadata = Logger.Metadata()
    if let task {
      metadata[LogKey.taskID] = "\(task.id)"
      metadata[LogKey.type] = "\(task.type)"
      metadata[LogKey.queue] = task.queue.map { "\($0)" }
      metadata[LogKey.attempt] = task.attempt.map { "\($0)" }
    }
    switch self {
    case .attemptFailed(_, let error, let errorType, let failures, let nextIn):
      metadata[LogKey.error] = "\(error)"
      metadata[LogKey.errorType] = "\(errorType)"
      metadata[LogKey.failures] = "\(failures)"
      metadata[LogKey.wait] = nextIn.map { "\(Self.rounded($0))" }
    case .deadLetter(_, let reason, let detail, let lastError):
      metadata[LogKey.reason] = "\(reason)"
      metadata[LogKey.detail] = detail.map { "\($0)" }
      metadata[LogKey.error] = lastError.map { "\($0)" }
    case .undoing(_, let reason, let detail):
      metadata[LogKey.reason] = "\(reason)"
      metadata[LogKey.detail] = detail.map { "\($0)" }
    case .timedOut(_, let limit): metadata[LogKey.limit] = "\(limit)"
    case .handlerGivenUp(_, let reason): metadata[LogKey.reason] = "\(reason.rawValue)"
    case .outcomeRefused(_, let error), .lookFailed(let error): metadata[LogKey.error] = "\(error)"
    case .storeBack(let duration), .clockJumped(let duration), .outcomeBlocked(_, let duration):
      metadata[LogKey.duration] = "\(Self.rounded(duration))"
    case .handlersBlock(let types, let duration):
      let named = types.sorted { ($1.value, $0.key.rawValue) < ($0.value, $1.key.rawValue) }
      metadata[LogKey.types] = Self.list(named.map { "\($0.key) (\($0.value))" })
      metadata[LogKey.duration] = "\(duration)"
    case .storeFailed(let error, let wait), .listenerFailed(let error, let wait),
      .schedulesFailed(let error, let wait):
      metadata[LogKey.error] = "\(error)"
      metadata[LogKey.wait] = "\(Self.rounded(wait))"
    case .renewalFailed(let count, let error):
      metadata[LogKey.count] = "\(count)"
      metadata[LogKey.error] = "\(error)"
    case .handlersIgnoreCancellation(let count), .outcomesLeft(let count): metadata[LogKey.count] = "\(count)"
    case .unhandled(let counts):
      metadata[LogKey.types] = Self.list(counts.map { "\($0.type) in \($0.queue) (\($0.count))" })
      metadata[LogKey.count] = "\(counts.count)"
    case .unserved(let queues):
      metadata[LogKey.queues] = Self.list(queues.map { "\($0)" })
      metadata[LogKey.count] = "\(queues.count)"
    case .dropped(let report): metadata[LogKey.count] = "\(report.deadLetters)"
    case .typesOutsideQueues(let queues):
      let named = queues.sorted { $0.key.rawValue < $1.key.rawValue }
      metadata[LogKey.types] = Self.list(named.map { "\($0.key) in \($0.value)" })
      metadata[LogKey.count] = "\(queues.count)"
    case .batchesAboveSlots(let sizes):
      let named = sizes.sorted { $0.key.rawValue < $1.key.rawValue }
      metadata[LogKey.types] = Self.list(named.map { "\($0.key) (\($0.value))" })
      metadata[LogKey.count] = "\(sizes.count)"
    case .scheduleBroken(let name, let problem):
      metadata[LogKey.schedule] = "\(name)"
      metadata[LogKey.error] = "\(problem)"
    case .leaseLost, .outcomeLost: break
    }
    return metadata
  }

  /// To a millisecond.
  private static func rounded(_ duration: Duration) -> Duration {
    .milliseconds(Int64((duration / .milliseconds(1)).rounded()))
  }

  /// Names in one line at most.
  private static var maxNames: Int { 10 }

  private static func list(_ names: [String]) -> Logger.MetadataValue {
    .array(names.prefix(maxNames).map { .string($0) })
  }
}
