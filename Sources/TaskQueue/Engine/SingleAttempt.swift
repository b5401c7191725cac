public import Logging

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Attempts one at a time, without a worker: claimed, run and settled by the worker's own code. For test kits.
///
/// What the worker's timers do is missing: no lease is renewed and no handler times out.
@_spi(Store) public struct SingleAttempt: Sendable {
  /// What one attempt brought.
  public struct Result: Sendable {
    public var task: ClaimedTask
    /// What the handler returned; nil: it threw, or was not started.
    public var outcome: TaskOutcome?
    /// What the handler threw.
    public var error: (any Error)?
    /// Its flow waits.
    public var isSuspended = false
    /// false: the claim had lost the task, and the outcome counts for nothing.
    public var isRecorded: Bool
  }

  public let store: any StoreContract
  private let lanes: HandlerLanes
  private let maxCrashes: Int

  /// - Parameters:
  ///   - wallClock: what `TaskContext.now(_:)` records; nil: the system's.
  ///   - random: what `TaskContext.random(_:in:)` and the jitter of retries draw from; nil: the system's.
  ///   - flowObserver: is told of each call of a flow.
  public init(
    store: any TaskStore,
    handlers: TaskHandlers,
    middleware: [any TaskMiddleware],
    effects: EffectsConfiguration,
    maxCrashes: Int = TaskWorkerConfiguration().maxCrashes,
    wallClock: (@Sendable () -> Date)? = nil,
    random: (@Sendable () -> UInt64)? = nil,
    flowObserver: FlowObserver? = nil,
    logger: Logger = Logger(label: "TaskQueue")
  ) {
    var environment = WorkerEnvironment()
    if let wallClock { environment.wallClock = wallClock }
    if let random { environment.random = random }
    environment.flowObserver = flowObserver
    self.store = store.contract
    self.maxCrashes = maxCrashes
    lanes = HandlerLanes(
      handlers,
      store: store,
      effects: effects,
      middleware: middleware,
      unknownDelay: .seconds(1),
      environment: environment,
      logger: logger
    )
  }

  /// Runs a task that was just claimed, and settles it.
  ///
  /// - Throws: what the store throws.
  public func run(_ task: ClaimedTask) async throws(TaskQueueError) -> Result {
    var result = Result(task: task, outcome: nil, error: nil, isRecorded: true)
    var settlement: Settlement?
    if let rejection = task.rejection(maxCrashes: maxCrashes) {
      settlement = Settlement(task.claim, rejection)
    } else {
      let lane = lanes[task.type]
      let performed = await FlowRunner.run { await lane.perform(task, on: $0) }
      settlement = lane.judgement(of: performed, task).settlement
      switch performed.ending {
      case .returned(let outcome): result.outcome = outcome
      case .threw(let error): result.error = error
      case .suspended: result.isSuspended = true
      case .unwound(_, let detail): result.outcome = .discard(reason: detail ?? "")
      }
    }
    guard let settlement else { return result }
    result.isRecorded = try await store.exchange(settle: [settlement], claim: nil).applied[0]
    return result
  }
}
