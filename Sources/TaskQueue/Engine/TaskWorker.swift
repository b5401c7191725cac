public import Logging
public import ServiceLifecycle

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
/// `shutdownGrace`, then cancels them and hands their tasks back unharmed, records all outcomes, and returns from ``run()``.
/// Structured concurrency means that `run()` also waits for handlers that ignore their cancellation; their tasks have been
/// handed back by then. Cancelling the task that runs `run()` stops at once and hands nothing back: the leases run out, as after
/// a crash.
public final class TaskWorker: Service {
  private let store: any StoreContract
  private let handlers: TaskHandlers
  private let configuration: TaskWorkerConfiguration
  private let middleware: [any TaskMiddleware]
  private let effects: EffectsConfiguration
  private let clock: any Clock<Duration>
  private let logger: Logger
  private let shutdown = ShutdownRequest()

  /// - Parameters:
  ///   - middleware: around every attempt, the first one outermost.
  ///   - effects: how ``TaskContext/effects`` are made.
  ///   - clock: the worker's own, for leases, timeouts and pauses.
  /// - Throws: ``TaskQueueError``: `invalidConfiguration` (no handlers, no or repeated queues), `invalidOption`, `invalidName`.
  public init(
    store: any TaskStore,
    handlers: TaskHandlers,
    configuration: TaskWorkerConfiguration = .init(),
    middleware: [any TaskMiddleware] = [],
    effects: EffectsConfiguration = .init(),
    clock: any Clock<Duration> = ContinuousClock(),
    logger: Logger = Logger(label: "TaskQueue")
  ) throws(TaskQueueError) {
    try configuration.validate()
    guard !handlers.entries.isEmpty else {
      throw .init(.invalidConfiguration, "A worker without handlers has nothing to do; register at least one.")
    }
    self.store = store.contract
    self.handlers = handlers
    self.configuration = configuration
    self.middleware = middleware
    self.effects = effects
    self.clock = clock
    self.logger = logger
  }

  /// Works until shut down or cancelled. Survives the database going away and coming back. Call it once.
  public func run() async throws {
    await withGracefulShutdownHandler {
      await work()
    } onGracefulShutdown: {
      self.shutDown()
    }
  }

  /// Begins graceful shutdown; ``run()`` returns when it is done. Idempotent, from any thread.
  public func shutDown() { shutdown.request() }

  private func work() async {
    let run = WorkerRun(
      store: store,
      handlers: handlers,
      configuration: configuration,
      middleware: middleware,
      effects: effects,
      clock: WorkerClock(clock),
      logger: logger
    )
    shutdown.whenRequested { run.drain() }
    await run.run()
  }
}
