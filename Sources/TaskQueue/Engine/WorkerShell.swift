import Logging
import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// One call of ``TaskWorker/run()``: locks the state machine, tells it what happened, unlocks, and does what it says. It has no policy.
///
/// Turns and calls of the store run on the engine's own thread, handlers on Swift's.
final class WorkerShell: Sendable {
  private let store: any StoreContract
  private let configuration: TaskWorkerConfiguration
  private let types: [TaskType]
  private let lanes: HandlerLanes
  private let clock: WorkerClock
  private let log: EngineLog
  private let attempts = AttemptMetrics()
  private let metrics: WorkerMetrics
  private let thread = EngineThread()
  private let machine: Mutex<WorkerStateMachine>
  /// nil: the store keeps none.
  private let schedules: ScheduleShell?
  /// nil: the store does not know its workers.
  private let presence: WorkerPresence?
  /// nil: it is not asked for, or the store cannot tell.
  private let depths: DepthMeter?
  /// Touched by turns and calls, which all run on the engine's thread; the lock is for those that end elsewhere.
  private let tasks = Mutex(RunningTasks())
  private let pulse: WorkerPulse
  private let hasListened = Atomic(false)

  /// The Swift tasks of the engine.
  private struct RunningTasks {
    var runners: [RunnerID: Task<Void, Never>] = [:]
    var calls: [CallID: Task<Void, Never>] = [:]
    var listener: Task<Void, Never>?
    var alarm: Task<Void, Never>?
  }

  init(
    store: any StoreContract,
    handlers: TaskHandlers,
    schedules: TaskSchedules,
    configuration: TaskWorkerConfiguration,
    middleware: [any TaskMiddleware],
    effects: EffectsConfiguration,
    environment: WorkerEnvironment,
    pulse: WorkerPulse,
    logger: Logger
  ) {
    self.store = store
    self.configuration = configuration
    self.pulse = pulse
    metrics = WorkerMetrics(slots: configuration.concurrency)
    clock = environment.clock
    log = EngineLog(logger: logger)
    types = handlers.types
    lanes = HandlerLanes(
      handlers,
      store: store,
      effects: effects,
      middleware: middleware,
      unknownDelay: configuration.maxPollInterval,
      environment: environment,
      logger: logger
    )
    let settings = WorkerStateMachine.Settings(
      configuration: configuration,
      timeouts: handlers.entries.mapValues(\.options.timeout),
      maxConcurrent: handlers.entries.compactMapValues(\.options.maxConcurrent)
    )
    machine = Mutex(WorkerStateMachine(settings, seed: environment.random(), at: environment.clock.now))
    self.schedules = (store as? any ScheduleStore).map { [thread, log] store in
      ScheduleShell(
        store: store,
        schedules: schedules,
        callLimit: min(configuration.lease / 3, .seconds(10)),
        environment: environment,
        executor: thread,
        log: log,
        raise: { thread.raise() }
      )
    }
    let id = UUID()
    depths = configuration.depthInterval.flatMap { interval in
      (store as? any DepthMeter.MeasurableStore).map { store in
        DepthMeter(store: store, worker: id, interval: interval, clock: environment.clock)
      }
    }
    presence = (store as? any WorkerStore).map { [thread, types, attempts] store in
      WorkerPresence(
        store: store,
        report: WorkerReport(
          id: id,
          name: configuration.name,
          queues: configuration.queues,
          types: types.sorted { $0.rawValue < $1.rawValue },
          slots: configuration.concurrency,
          version: configuration.version
        ),
        attempts: attempts,
        callLimit: min(configuration.lease / 3, .seconds(10)),
        clock: environment.clock,
        executor: thread,
        raise: { thread.raise() }
      )
    }
    let outside = handlers.entries.compactMapValues(\.defaultQueue).filter { !configuration.queues.contains($0.value) }
    if !outside.isEmpty { log.note([.typesOutsideQueues(outside)], at: environment.clock.now) }
    let never = handlers.entries.compactMapValues { $0.unreachedBatchSize(slots: configuration.concurrency) }
    if !never.isEmpty { log.note([.batchesAboveSlots(never)], at: environment.clock.now) }
  }

  /// Works until shut down or cancelled.
  ///
  /// - Throws: `invalidConfiguration` if the store can't be worked with.
  func run() async throws(TaskQueueError) {
    try thread.start()
    await withTaskCancellationHandler {
      await withTaskExecutorPreference(thread) { await work() }
    } onCancel: {
      tell { $0.abort(at: clock.now) }
    }
    pulse.end()
    if let failure = machine.withLock({ $0.failure }) { throw failure }
  }

  /// Begins a graceful shutdown. From any thread.
  func drain() { tell { $0.drain(at: clock.now) } }

  private func tell(_ input: (inout WorkerStateMachine) -> Void) {
    machine.withLock { input(&$0) }
    thread.raise()
  }

  // MARK: Turns

  private func work() async {
    await withDiscardingTaskGroup { group in
      if let depths { group.addTask { await depths.run() } }
      await turn { group.cancelAll() }
      group.cancelAll()
    }
    metrics.running([])
    presence?.leave()
    await presence?.end()
    log.finish()
    leave()
  }

  /// Until the machine is over.
  ///
  /// - Parameter stop: what is beside the turns is to end, since the worker shuts down. May be called several times.
  private func turn(stop: () -> Void) async {
    var countsAt = clock.now
    var isCounted = false
    while true {
      let (turn, isOver, isRunning, condition) = machine.withLock { machine in
        (machine.advance(at: clock.now), machine.isOver, machine.isRunning, machine.condition)
      }
      pulse.beat(condition)
      for action in turn.actions { perform(action) }
      log.note(turn.events, at: clock.now)
      log.flush(at: clock.now)
      if isOver { break }
      if clock.now >= countsAt {
        countsAt = clock.now.advanced(by: WorkerMetrics.interval)
        isCounted = count()
      }
      let schedulesAt = isRunning ? schedules?.turn(at: clock.now) : nil
      let isDraining = condition.phase == .draining
      let presenceAt =
        isRunning || isDraining ? presence?.turn(at: clock.now, isDraining: isDraining, holdings) : nil
      if isDraining { stop() }
      await pause(
        until: [turn.wakeAt, log.nextFlush, schedulesAt, presenceAt, isCounted ? countsAt : nil]
          .compactMap(\.self).min() ?? turn.wakeAt
      )
    }
  }

  /// The gauges.
  ///
  /// - Returns: whether something runs.
  private func count() -> Bool {
    let running = machine.withLock(\.runningCounts)
    metrics.running(running)
    (store as? any MeasuredStore)?.measure()
    return !running.isEmpty
  }

  private func holdings() -> (inFlight: Int, held: [HeldAttempt]) { machine.withLock { $0.holdings(at: clock.now) } }

  /// Cancels what is still under way. Handlers were cancelled before.
  private func leave() {
    let left = tasks.withLock { tasks in
      defer { tasks = RunningTasks() }
      return tasks
    }
    left.alarm?.cancel()
    let rest = Array(left.calls.values) + [left.listener, schedules?.leave()].compactMap(\.self)
    for task in rest { task.cancel() }
    // What they would bring is not wanted any more, so the end of run() does not wait for them. But they give their connections back when
    // they end, and they end on this thread.
    Task { [thread] in
      for task in rest { await task.value }
      thread.stop()
    }
  }

  private func pause(until instant: WorkerClock.Instant) async {
    guard let alarm = clock.continuousInstant(of: instant) else {
      // Another clock has its own way to wait.
      let alarm = Task { [clock, thread] in
        try? await clock.sleep(until: instant, tolerance: nil)
        if !Task.isCancelled { thread.raise() }
      }
      tasks.withLock { $0.alarm = alarm }
      await thread.pause(until: nil)
      return alarm.cancel()
    }
    await thread.pause(until: alarm)
  }

  private func perform(_ action: EngineAction) {
    switch action {
    case .call(let order):
      // Taken up at once: the store's time begins now.
      let task = Task(executorPreference: thread) { await self.call(order) }
      tasks.withLock { $0.calls[order.id] = task }
    case .run(let runner):
      // Under the lock, so that a runner that ends at once is not put down after it was struck out.
      tasks.withLock { $0.runners[runner] = Task { await self.run(runner) } }
    case .cancel(let runner): tasks.withLock { $0.runners[runner] }?.cancel()
    case .judge(let task, let reason):
      let judgement = lanes[task.type].judgement(
        of: .init(ending: .threw(CancellationError()), isPlainCompletion: false),
        task,
        cancelReason: reason
      )
      tell { $0.judged(task.claim, judgement) }
    case .listen:
      if hasListened.exchange(true, ordering: .relaxed) { metrics.reconnected() }
      let task = Task(executorPreference: thread) { await self.listen() }
      tasks.withLock { $0.listener = task }
    case .pingPool:
      Task { self.machine.withLock { $0.poolAnswered() } }
    }
  }

  // MARK: Calls of the store

  private func call(_ order: CallOrder) async {
    guard let ticket = machine.withLock({ $0.begin(order.id, at: clock.now) }) else { return }
    let startedAt = clock.now
    let answer: CallAnswer
    do throws(TaskQueueError) {
      answer = try await ask(order.call, within: order.limit)
    } catch {
      answer = .failed(error)
    }
    metrics.ended(order.call, answer, after: startedAt.duration(to: clock.now))
    tasks.withLock { $0.calls[order.id] = nil }
    var obligation: CallTicket? = ticket
    tell { machine in
      if let ticket = obligation.take() { machine.end(ticket, answer, at: clock.now) }
    }
  }

  private func ask(_ call: EngineCall, within limit: Duration) async throws(TaskQueueError) -> CallAnswer {
    switch call {
    case .prepare:
      try await store.prepare(within: limit)
      if !configuration.limits.isEmpty { try await store.declare(configuration.limits) }
      return .prepared
    case .exchange(let settlements, let claim):
      return .exchanged(try await store.exchange(settle: settlements, claim: claim, within: limit))
    case .openWriters: return .writers(try await store.openWriters(within: limit))
    case .renew(let claims, let lease):
      return .renewed(try await store.renew(claims, lease: lease, within: limit))
    case .maintain:
      let queues = configuration.queues
      var report = MaintenanceReport()
      report.unhandled = try await store.unhandled(queues: queues, knownTypes: types, within: limit)
      report.unserved = try await store.unserved(besides: queues, dueFor: UpkeepTimes.unservedAfter, within: limit)
      report.mayHaveMore = try await store.dropExpiredKeys(within: limit) >= Limits.page
      if let flows = store as? any FlowStore, try await flows.purgeFlows(within: limit) >= Limits.page {
        report.mayHaveMore = true
      }
      if let groups = store as? any GroupStore, try await groups.keepGroups(within: limit) >= Limits.page {
        report.mayHaveMore = true
      }
      if let history = store as? any HistoryStore, try await history.keepHistory(within: limit) >= Limits.page {
        report.mayHaveMore = true
      }
      if let keeper = store as? any RetentionStore {
        report.dropped = try await keeper.dropExpired(by: configuration.retention, within: limit)
        if report.dropped.mayHaveMore { report.mayHaveMore = true }
      }
      return .maintained(report)
    }
  }

  private func listen() async {
    var failure: TaskQueueError?
    do throws(TaskQueueError) {
      try await store.watch { [weak self] hint in
        if [.schedulesChanged, .resync].contains(hint) { self?.schedules?.hint() }
        self?.tell { $0.hint(hint) }
      }
    } catch {
      failure = error
    }
    tell { $0.listenerEnded(failure, at: clock.now) }
  }

  // MARK: Handlers

  /// Runs attempts one after another until there are none, or one was cancelled (and with it this task).
  private func run(_ runner: RunnerID) async {
    defer {
      tasks.withLock { $0.runners[runner] = nil }
      thread.raise()
    }
    await FlowRunner.run { await run(runner, $0) }
  }

  private func run(_ runner: RunnerID, _ flows: FlowRunner) async {
    var startedAt = clock.now
    var next = machine.withLock { $0.start(runner, at: startedAt) }
    var lane = lanes.unknown
    while let attempt = next.take() {
      let task = attempt.task
      var ticket: AttemptTicket? = attempt.takeTicket()
      if lane.type != task.type { lane = lanes[task.type] }
      let performed = await lane.perform(task, on: flows)
      let endedAt = clock.now
      // A handler may have cancelled the task that it runs in; the next attempt needs another one.
      let isCancelled = Task.isCancelled
      if performed.isPlainCompletion, !isCancelled {
        var needsTurn = false
        next = machine.withLock { $0.complete(&ticket, at: endedAt, needsTurn: &needsTurn) }
        if needsTurn { thread.raise() }
        if ticket == nil {
          attempts.ended(task, .returned(.completed), after: startedAt.duration(to: endedAt))
          startedAt = endedAt
          continue
        }
      }
      let standing = machine.withLock { $0.standing(of: task.claim, on: runner) }
      let judgement =
        standing.isHeld ? lane.judgement(of: performed, task, cancelReason: standing.cancelReason) : .nothing
      let end = standing.isGivenUp ? nil : AttemptEnd(performed.ending, standing.cancelReason)
      attempts.ended(task, end, after: startedAt.duration(to: endedAt))
      var goesOn = false
      tell { machine in
        if let ticket = ticket.take() { goesOn = machine.end(ticket, judgement, at: endedAt) }
      }
      guard goesOn, !isCancelled else { return machine.withLock { $0.endRunner(runner) } }
      startedAt = clock.now
      next = machine.withLock { $0.start(runner, at: startedAt) }
    }
  }
}

extension AttemptEnd {
  fileprivate init(_ ending: OutcomeRules.Ending, _ reason: CancelReason?) {
    switch ending {
    case .returned(let outcome): self.init(outcome, reason)
    case .suspended: self = reason == .leaseLost ? .leaseLost : .suspended
    case .unwound(_, let detail): self.init(.discard(reason: detail ?? ""), reason)
    case .threw: self.init(nil, reason)
    }
  }
}

extension WorkerMetrics {
  fileprivate func ended(_ call: EngineCall, _ answer: CallAnswer, after duration: Duration) {
    // What the end of the worker cuts off has not failed.
    let hasFailed = if case .failed = answer { !Task.isCancelled } else { false }
    ended(call.metricName, after: duration, hasFailed: hasFailed)
    guard case .exchange(let settlements, let claim) = call, case .exchanged(let exchange) = answer else { return }
    exchanged(settledCount: settlements.count, claimedCount: claim == nil ? nil : exchange.claimed.count)
  }
}

extension EngineCall {
  fileprivate var metricName: WorkerMetrics.Call {
    switch self {
    case .prepare: .prepare
    case .exchange(_, let claim): claim?.scope.isLook == true ? .look : .exchange
    case .openWriters: .openWriters
    case .renew: .renew
    case .maintain: .maintain
    }
  }
}
