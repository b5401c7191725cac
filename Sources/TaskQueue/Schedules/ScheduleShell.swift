import Synchronization

/// The schedules of one worker: locks their machine, makes its calls, and reports their ends. It has no policy. It has no thread and no timer
/// of its own either: the engine's loop asks it when it is to be asked again.
final class ScheduleShell: Sendable {
  private let store: any ScheduleStore
  private let clock: WorkerClock
  private let executor: any TaskExecutor
  private let log: EngineLog
  private let metrics = ScheduleMetrics()
  /// Lets the engine's loop ask again.
  private let raise: @Sendable () -> Void
  private let machine: Mutex<ScheduleMachine>
  private let call = Mutex<Task<Void, Never>?>(nil)

  init(
    store: any ScheduleStore,
    schedules: TaskSchedules,
    callLimit: Duration,
    environment: WorkerEnvironment,
    executor: any TaskExecutor,
    log: EngineLog,
    raise: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.executor = executor
    self.log = log
    self.raise = raise
    clock = environment.clock
    machine = Mutex(
      ScheduleMachine(
        schedules.definitions,
        callLimit: callLimit,
        seed: environment.random(),
        at: environment.clock.now
      )
    )
  }

  /// Does what is to be done now.
  ///
  /// - Returns: when to come again at the latest.
  func turn(at now: WorkerClock.Instant) -> WorkerClock.Instant {
    let (order, wakeAt, events) = machine.withLock { machine in
      let (order, wakeAt) = machine.advance(at: now)
      return (order, wakeAt, machine.takeEvents())
    }
    log.note(events, at: now)
    if let order {
      let task = Task(executorPreference: executor) { await self.perform(order) }
      call.withLock { $0 = task }
    }
    return wakeAt
  }

  func hint() {
    machine.withLock { $0.hint() }
    raise()
  }

  /// Cancels what is under way: a firing is done as a whole or not at all.
  /// - Returns: what to wait for.
  func leave() -> Task<Void, Never>? {
    let task = call.withLock { $0.take() }
    task?.cancel()
    return task
  }

  private func perform(_ order: ScheduleMachine.Order) async {
    let answer: ScheduleMachine.Answer
    do throws(TaskQueueError) {
      switch order.call {
      case .declare(let schedules):
        try await store.putSchedules(schedules, asDeclared: true, within: order.limit)
        answer = .declared
      case .fire(let firings, let limit):
        let look = try await store.fire(firings, look: limit, within: order.limit)
        metrics.note(firings, look)
        answer = .looked(look)
      }
    } catch {
      answer = .failed(error)
    }
    machine.withLock { $0.end(order, answer, at: clock.now) }
    raise()
  }
}
