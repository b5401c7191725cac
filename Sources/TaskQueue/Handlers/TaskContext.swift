public import Logging

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a handler knows about the attempt it runs, and what its capabilities hang on.
public struct TaskContext: Sendable {
  /// The claimed task as stored.
  @_spi(Store) public let task: ClaimedTask
  let services: AttemptServices
  let flow: FlowState

  public var id: TaskID { task.claim.id }
  /// The fence, for settling in a transaction of another driver.
  public var claim: Claim {
    flow.noteSettling()
    return task.claim
  }
  public var type: TaskType { task.type }
  public var queue: QueueName { task.queue }
  public var priority: Int { task.priority }
  /// This attempt's number, from 1. Above 1, an earlier attempt may have done part of the work.
  public var attempt: Int { task.attempt }
  /// Errors thrown by earlier attempts.
  public var failures: Int { task.failures }
  public var headers: [String: String] { task.headers }
  public var createdAt: Date { task.createdAt }
  public var dueAt: Date { task.dueAt }
  public var deadline: Date? { task.deadline }
  /// The slot for which a schedule made this task; nil: no schedule did. What a nightly report reports on, however late it runs.
  public var scheduledSlot: ScheduledSlot? { ScheduledSlot(headers: headers) }
  /// The payload as stored: UTF-8 JSON.
  public var payload: Data { task.payload }

  /// Carries the task's id, type, queue and attempt as metadata, and the id of the trace that it was enqueued in, if it travels with the task
  /// in the form of W3C. Made at each use: tasks that log nothing pay nothing.
  public var logger: Logger {
    var logger = services.logger
    logger[metadataKey: LogKey.taskID] = "\(id)"
    logger[metadataKey: LogKey.type] = "\(type)"
    logger[metadataKey: LogKey.queue] = "\(queue)"
    logger[metadataKey: LogKey.attempt] = "\(attempt)"
    if !headers.isEmpty, let trace = TraceParent(headers: headers) {
      logger[metadataKey: LogKey.originTraceID] = "\(trace.traceID)"
    }
    return logger
  }

  /// - Parameter flow: nil: a new one of the task.
  init(task: ClaimedTask, services: AttemptServices, flow: FlowState? = nil) {
    self.task = task
    self.services = services
    self.flow = flow ?? FlowState(task, on: FlowRunner(), clock: services.environment.clock)
  }

  /// For handlers called without a worker, in tests of stores.
  @_spi(Store)
  public init(
    task: ClaimedTask,
    ledger: (any EffectLedger)? = nil,
    effects: EffectsConfiguration = .init(),
    retry: RetryPolicy = .standard,
    logger: Logger = Logger(label: "TaskQueue")
  ) {
    self.init(
      task: task,
      services: AttemptServices(type: task.type, logger: logger, ledger: ledger, effects: effects, retry: retry)
    )
  }
}

/// What the attempts of one type share. The capabilities of a context are made from it when they are used.
final class AttemptServices: Sendable {
  let logger: Logger
  /// Where limits are; nil: there is none.
  let store: (any StoreContract)?
  /// Where effects are kept; nil: the store keeps none.
  let ledger: (any EffectLedger)?
  let effects: EffectsConfiguration
  let retry: RetryPolicy
  /// For how long completed tasks are kept; nil: not at all.
  let retain: Duration?
  /// How payloads are decoded, and those of children encoded.
  let coding: PayloadCoding
  let environment: WorkerEnvironment
  /// Around the parts of attempts.
  let middleware: [any TaskMiddleware]
  /// Around the enqueue of children.
  let enqueueMiddleware: [any TaskMiddleware]
  let metrics: PartMetrics

  /// - Parameter middleware: the worker's.
  init(
    type: TaskType,
    logger: Logger,
    store: (any StoreContract)? = nil,
    ledger: (any EffectLedger)?,
    effects: EffectsConfiguration,
    retry: RetryPolicy,
    retain: Duration? = nil,
    coding: PayloadCoding = .standard,
    environment: WorkerEnvironment = .init(),
    middleware: [any TaskMiddleware] = []
  ) {
    self.logger = logger
    self.store = store
    self.ledger = ledger
    self.effects = effects
    self.retry = retry
    self.retain = retain
    self.coding = coding
    self.environment = environment
    self.middleware = middleware
    enqueueMiddleware = middleware + [EnqueueMetrics()]
    metrics = PartMetrics(type)
  }
}
