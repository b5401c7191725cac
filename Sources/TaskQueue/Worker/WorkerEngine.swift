import Logging

/// The parts of a running worker: one exchange loop (settles and claims), runners (handlers), a lease keeper, a hint
/// listener, and maintenance, all in one task group.
struct WorkerEngine: Sendable {
  let store: any TaskStore
  let handlers: TaskHandlers
  let configuration: TaskWorkerConfiguration
  let clock: any Clock<Duration>
  let logger: Logger
  private let shutdown = ShutdownRequest()

  init(
    store: any TaskStore,
    handlers: TaskHandlers,
    configuration: TaskWorkerConfiguration,
    clock: any Clock<Duration>,
    logger: Logger
  ) {
    self.store = store
    self.handlers = handlers
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
  }

  func beginShutdown() { shutdown.request() }

  func run() async { await run(clock: clock) }

  private func run<C: Clock<Duration>>(clock: C) async {
    let run = WorkerRun(
      store: store,
      handlers: handlers,
      configuration: configuration,
      clock: clock,
      logger: logger
    )
    shutdown.whenRequested { run.drain() }
    await run.run()
  }
}
