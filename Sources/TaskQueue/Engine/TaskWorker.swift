public import Logging
public import ServiceLifecycle
import Synchronization

/// Claims tasks and runs their handlers, until shut down.
///
/// One worker per process is enough: it serves all its queues with one loop. Run it with a `ServiceGroup`, or by itself:
///
/// ```swift
/// let worker = try TaskWorker(store: store, handlers: handlers)
/// try await worker.run()
/// ```
///
/// Graceful shutdown (by the service group, or ``shutDown()``) stops claiming, lets running handlers finish for
/// `shutdownGrace`, then cancels them and hands their tasks back unharmed, records all outcomes, and returns from ``run()``: at the latest
/// after both grace times and the time of one call of the store, a third of the lease or 10 s. A handler that ignores its cancellation is
/// not waited for. Cancelling the task that runs `run()` hands nothing back: the leases run out, as after a crash.
///
/// A handler is to suspend, not to block: one that blocks its thread holds one of as many threads as there are cores. The worker itself
/// has a thread of its own, so leases are renewed all the same; it names the types in a warning. Give blocking work a thread of its own
/// (`Thread.detachNewThread`, not a global or concurrent `DispatchQueue`) and await it by `withCheckedThrowingContinuation`.
public final class TaskWorker: Service {
  private let store: any StoreContract
  private let handlers: TaskHandlers
  private let schedules: TaskSchedules
  private let configuration: TaskWorkerConfiguration
  private let middleware: [any TaskMiddleware]
  private let effects: EffectsConfiguration
  private let clock: any Clock<Duration>
  private let logger: Logger
  private let shutdown = ShutdownRequest()
  private let pulse = WorkerPulse()
  private let hasRun = Atomic(false)

  /// - Parameters:
  ///   - schedules: what is done again and again; merged into the store when the worker starts. Without any it still makes the tasks of those
  ///     that are there.
  ///   - middleware: around every attempt, the first one outermost.
  ///   - effects: how ``TaskContext/effects`` are made.
  ///   - clock: the worker's own, for leases, timeouts and pauses.
  /// - Throws: ``TaskQueueError``: `invalidConfiguration` (no handlers, no or repeated queues), `invalidOption`, `invalidName`.
  public init(
    store: any TaskStore,
    handlers: TaskHandlers,
    schedules: TaskSchedules = .init(),
    configuration: TaskWorkerConfiguration = .init(),
    middleware: [any TaskMiddleware] = [],
    effects: EffectsConfiguration = .init(),
    clock: any Clock<Duration> = ContinuousClock(),
    logger: Logger = Logger(label: "TaskQueue")
  ) throws(TaskQueueError) {
    try configuration.validate()
    guard schedules.definitions.isEmpty || store.contract is any ScheduleStore else {
      throw .init(.invalidConfiguration, "This store has no schedules; use one that does, such as PostgresTaskStore.")
    }
    guard !handlers.entries.isEmpty else {
      throw .init(.invalidConfiguration, "A worker without handlers has nothing to do; register at least one.")
    }
    let maxima = handlers.entries.count { $0.value.options.maxConcurrent != nil }
    let groups = (1 + configuration.maxConcurrent.count) * (1 + maxima)
    guard groups <= ClaimGroups.maxCount else {
      throw .init(
        .invalidConfiguration,
        "(1 + \(configuration.maxConcurrent.count) queues with maxConcurrent) × (1 + \(maxima) types with maxConcurrent) is above "
          + "\(ClaimGroups.maxCount). Each is claimed by itself; set fewer, or let several types share a queue with one maximum."
      )
    }
    self.store = store.contract
    self.handlers = handlers
    self.schedules = schedules
    self.configuration = configuration
    self.middleware = middleware
    self.effects = effects
    self.clock = clock
    self.logger = logger
  }

  /// Works until shut down or cancelled. Survives the database going away and coming back.
  ///
  /// - Throws: ``TaskQueueError`` with `invalidConfiguration`: it was called before, the store cannot be worked with (the message says why
  ///   and what to do), or the system refuses a thread.
  public func run() async throws {
    guard !hasRun.exchange(true, ordering: .relaxed) else {
      throw TaskQueueError(.invalidConfiguration, "run() was called before; make a new worker for another run.")
    }
    try await withGracefulShutdownHandler {
      try await work()
    } onGracefulShutdown: {
      self.shutDown()
    }
  }

  /// How it does, for a load balancer or an orchestrator. Cheap, from any thread, at any time; asks nothing of the store.
  public var health: WorkerHealth { pulse.health }

  /// Begins graceful shutdown; ``run()`` returns when it is done. Idempotent, from any thread.
  public func shutDown() { shutdown.request() }

  private func work() async throws {
    let shell = WorkerShell(
      store: store,
      handlers: handlers,
      schedules: schedules,
      configuration: configuration,
      middleware: middleware,
      effects: effects,
      environment: WorkerEnvironment(clock: WorkerClock(clock)),
      pulse: pulse,
      logger: logger
    )
    shutdown.whenRequested { shell.drain() }
    try await shell.run()
  }
}
