import SeededRandom
@_spi(Store) import TaskQueue

/// One life of a worker's process.
final class SimulatedProcess {
  let worker: Int
  /// From 1.
  let life: Int
  let configuration: TaskWorkerConfiguration
  let maxConcurrent: [TaskType: Int]
  var machine: WorkerStateMachine
  var generator: SeededGenerator
  var isAlive = true
  /// How many pauses are under way.
  var pauses = 0
  /// What waits for the end of the pause.
  var deferred: [Step.Inner] = []
  /// Only the turn with this number is wanted.
  var turnNumber = 0
  var nextTurnAt: Instant?
  var calls: [CallID: StoreCall] = [:]
  /// Also those that were given up.
  var attempts: [RunningAttempt] = []
  var isListening = false
  var isPrepared = false
  var isCutOff = false
  /// The pool's threads are asked whether they do anything.
  var isPoolAsked = false

  /// Since then everything went well with the store, and it was not paused.
  var wellSince: Instant
  /// When all slots were taken last.
  var fullAt: Instant
  /// When a queue or a type was at its maximum last.
  var queuesFullAt: [QueueName: Instant] = [:]
  var typesFullAt: [TaskType: Instant] = [:]
  var resumedAt: Instant
  /// When a claim of its own last saw everything. What it had no slot for is behind the position only once its answer has come.
  var lookedAt: Instant?
  /// It knew the store's time when that jumped ahead for the first time.
  var knewTimeBeforeJump = false
  /// The longest that it waited for an answer: a jump that is shorter may be taken for the way.
  var longestWait = Duration.zero
  /// When its shutdown began.
  var drainedAt: Instant?
  /// It was told to stop at once.
  var isAborted = false
  /// Claims that came and have not been started.
  var delivered: [Claim: Instant] = [:]
  /// Turns in this second, to find out whether it spins.
  var turns: (second: Int64, count: Int) = (0, 0)

  init(worker: Int, life: Int, _ plan: WorkerPlan, seed: UInt64, faults: EngineFaults, at now: Instant) {
    self.worker = worker
    self.life = life
    configuration = plan.configuration
    maxConcurrent = plan.maxConcurrent
    var generator = SeededGenerator(seed: seed)
    var timeouts: [TaskType: Duration?] = [:]
    for type in SimulationPlan.types { timeouts[type] = .some(nil) }
    timeouts[SimulationPlan.limitedType] = SimulationPlan.timeout
    let settings = WorkerStateMachine.Settings(
      configuration: plan.configuration,
      timeouts: timeouts,
      maxConcurrent: plan.maxConcurrent,
      faults: faults
    )
    machine = WorkerStateMachine(settings, seed: generator.next(), at: now)
    self.generator = generator
    (wellSince, fullAt, resumedAt) = (now, now, now)
  }

  var isPaused: Bool { pauses > 0 }
  var isWell: Bool { isAlive && !isPaused && isPrepared && drainedAt == nil && !isCutOff }

  /// Slots with an attempt that somebody waits for.
  var takenSlots: Int { attempts.count { !$0.isGivenUp } }
  var hasFreeSlot: Bool { max(takenSlots, machine.takenSlots) + machine.queuedCount < configuration.concurrency }

  /// When no task like this could be taken in last.
  func fullAt(for task: TaskPlan) -> Instant {
    [fullAt, queuesFullAt[task.queue] ?? fullAt, typesFullAt[task.type] ?? fullAt].max() ?? fullAt
  }

  /// Attempts that somebody waits for.
  func running(where isCounted: (ClaimedTask) -> Bool) -> Int { attempts.count { !$0.isGivenUp && isCounted($0.task) } }

  func noteGivenUp(_ label: TaskLabel) {
    attempts.first { $0.task.claim.id == label.id && $0.task.attempt == label.attempt && !$0.isOver }?.isGivenUp = true
  }

  /// The process is gone, with all that it was to report.
  func die() {
    isAlive = false
    for call in calls.values { call.drop() }
    for attempt in attempts { attempt.drop() }
    calls = [:]
    attempts = []
    deferred = []
  }
}

/// A handler at work.
final class RunningAttempt {
  let task: ClaimedTask
  let runner: RunnerID
  let behaviour: Behaviour
  let startedAt: Instant
  var ticket: AttemptTicket?
  var cancelledAt: Instant?
  /// The machine does not wait for it any more.
  var isGivenUp = false
  var isOver = false
  var isBlocking: Bool { behaviour.blocksThread && !isOver }
  /// nil: it is none.
  let flow: SimulatedFlow?

  init(
    _ attempt: consuming Attempt,
    runner: RunnerID,
    _ behaviour: Behaviour,
    flow plan: FlowPlan?,
    at now: Instant
  ) {
    task = attempt.task
    flow = plan.map { [task] in SimulatedFlow($0, task) }
    ticket = attempt.takeTicket()
    self.runner = runner
    self.behaviour = behaviour
    startedAt = now
  }

  func drop() {
    isOver = true
    if let ticket = ticket.take() { ticket.redeem() }
  }
}
