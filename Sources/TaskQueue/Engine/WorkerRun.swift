import Logging
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One call of ``TaskWorker/run()``: the shell around ``WorkerState``, which locks, asks, unlocks, then acts.
final class WorkerRun: Sendable {
  let store: any StoreContract
  let handlers: TaskHandlers
  let configuration: TaskWorkerConfiguration
  let clock: WorkerClock
  let logger: Logger
  let metrics = EventMetrics()
  private let attempts = AttemptMetrics()
  private let lanes: [TaskType: HandlerLane]
  let state = Mutex(WorkerState())
  /// Wakes the exchange loop: an outcome is there, a hint came, shutdown began.
  let workSignal = Signal()
  /// Wakes the second lane: more is to be exchanged than one exchange at a time can carry.
  let assistSignal = Signal()
  /// Starts runners: there are tasks for them.
  let runnerSignal = Signal()
  /// Wakes the lease keeper: somebody may have cancelled a task held here.
  let leaseSignal = Signal()

  init(
    store: any StoreContract,
    handlers: TaskHandlers,
    configuration: TaskWorkerConfiguration,
    middleware: [any TaskMiddleware],
    effects: EffectsConfiguration,
    clock: WorkerClock,
    logger: Logger
  ) {
    self.store = store
    self.handlers = handlers
    lanes = handlers.lanes(
      ledger: store as? any EffectLedger,
      effects: effects,
      middleware: middleware,
      clock: clock,
      logger: logger
    )
    self.configuration = configuration
    self.clock = clock
    self.logger = logger
  }

  func run() async {
    await withDiscardingTaskGroup { group in
      group.addTask { await self.keepLeases() }
      group.addTask { await self.maintain() }
      group.addTask { await self.findStragglers() }
      group.addTask { await self.followLateCommits() }
      group.addTask { await self.assist() }
      group.addTask { await self.startRunners() }
      if configuration.listensForWakeUps { group.addTask { await self.listen() } }
      var loop = ExchangeLoop(run: self)
      await loop.work()
      group.cancelAll()
    }
  }

  func drain() {
    state.withLock { $0.drain() }
    workSignal.raise()
  }

  // MARK: Handlers

  private func startRunners() async {
    await withDiscardingTaskGroup { group in
      while !Task.isCancelled {
        let count = state.withLock { $0.missingRunners(concurrency: configuration.concurrency) }
        for _ in 0..<count { group.addTask { await self.runHandlers() } }
        await runnerSignal.wait()
      }
    }
  }

  /// Runs queued tasks one after another until there are none, or its handler was cancelled (and with it this task).
  func runHandlers() async {
    let handlerTask = HandlerTask.current
    var next = state.withLock { $0.start(handlerTask, at: clock.now) }
    while let task = next {
      let lane = lanes[task.type] ?? .snoozing(configuration.maxPollInterval)
      let startedAt = clock.now
      let ending = await lane.perform(task)
      let endedAt = clock.now
      attempts.ended(task.queue, task.type, ending.metricsEnd, after: startedAt.duration(to: endedAt))
      if case .returned(.completed) = ending {
        switch state.withLock({ $0.complete(task.claim, thenStart: handlerTask, at: endedAt) }) {
        case .recorded(let following, let waiting):
          if waiting == 1 { workSignal.raise() }
          if waiting == WorkerState.fullBatch { assistSignal.raise() }
          next = following
          continue
        case .notPlain(let finished):
          judge(ending, of: task, lane, finished: finished)
          if finished.cancelReason != nil { return endRunner() }
        }
      } else {
        let finished = state.withLock { $0.finish(task.claim) }
        judge(ending, of: task, lane, finished: finished)
        if finished.cancelReason != nil { return endRunner() }
      }
      next = state.withLock { $0.start(handlerTask, at: endedAt) }
    }
  }

  private func endRunner() {
    state.withLock { $0.endRunner() }
    runnerSignal.raise()
    workSignal.raise()
  }

  /// Decides what the store is told, and lets it wait for an exchange.
  private func judge(
    _ ending: OutcomeRules.Ending,
    of task: ClaimedTask,
    _ lane: HandlerLane,
    finished: WorkerState.Finished
  ) {
    guard finished.isHeld else { return }
    let settlement = lane.settlement(for: ending, of: task, cancelReason: finished.cancelReason)
    if case .bury(let reason, _, _) = settlement?.action { noteDeadLetter(task, reason: reason) }
    let isFirst = state.withLock { $0.record(settlement, for: task.claim) }
    if isFirst { workSignal.raise() }
  }

  func noteDeadLetter(_ task: ClaimedTask, reason: DeadLetterReason) {
    metrics.note(.deadLetter(TaskLabel(task), reason, detail: nil, lastError: nil))
    logger.warning(
      "Task became a dead letter",
      metadata: [
        LogKey.taskID: "\(task.claim.id)", LogKey.type: "\(task.type)", LogKey.queue: "\(task.queue)",
        LogKey.attempt: "\(task.attempt)", LogKey.reason: "\(reason)",
      ]
    )
  }

  // MARK: Hints

  private func listen() async {
    var backoff = BackoffInterval(minimum: .milliseconds(100), maximum: .seconds(30))
    var generator = SystemRandomNumberGenerator()
    while !Task.isCancelled {
      let startedAt = clock.now
      do { try await store.watch { self.handle($0) } } catch {
        guard !Task.isCancelled else { return }
        logger.warning("Wake-ups are lost; polling goes on", metadata: [LogKey.error: "\(error)"])
      }
      if startedAt.duration(to: clock.now) > .seconds(60) { backoff.reset() }
      try? await clock.sleep(for: backoff.next(using: &generator))
    }
  }

  private func handle(_ hint: StoreHint) {
    switch hint {
    case .tasksAvailable(let queue):
      guard configuration.queues.contains(queue) else { return }
      state.withLock { $0.addHint() }
      workSignal.raise()
    case .cancelRequested(let id):
      if state.withLock({ $0.addCancelHint(id) }) { leaseSignal.raise() }
    case .resync:
      state.withLock { $0.addHint() }
      workSignal.raise()
    }
  }

  // MARK: Maintenance

  private func maintain() async {
    while !Task.isCancelled {
      do {
        let counts = try await store.unhandled(queues: configuration.queues, knownTypes: handlers.types)
        metrics.note(.unhandled(counts))
        for count in counts {
          logger.warning(
            "Due tasks have no handler here; they wait for a worker that has one",
            metadata: [
              LogKey.type: "\(count.type)", LogKey.queue: "\(count.queue)", LogKey.count: "\(count.count)",
            ]
          )
        }
        while try await store.dropExpiredKeys() >= Limits.page {}
      } catch {
        guard !Task.isCancelled else { return }
        logger.debug("Maintenance failed; it is tried again", metadata: [LogKey.error: "\(error)"])
      }
      try? await clock.sleep(for: configuration.maintenanceInterval)
    }
  }
}
