import SeededRandom

/// Everything a worker decides. Pure: it has no clock, no source of chance, no locks and no I/O; inputs go in, actions come out.
///
/// The shell (``WorkerShell``) and the simulation drive it in the same way: they tell it what happened, ask ``advance(at:)`` what is to be
/// done now, do it, and ask again when something happened or at ``EngineTurn/wakeAt``.
///
/// ## The life of a worker
/// starting → running → draining → cancelling → flushing → over; a failed start and an abort lead to over, too. See ``Phase``.
///
/// ## The life of a claimed task
/// queued → running → ended → settled and forgotten. See ``HeldTask/Place``. A task whose lease ended, or that was handed back, leaves
/// from wherever it is.
///
/// Obligations are tickets that cannot be copied: who was handed one cannot forget it or use it twice.
package struct WorkerStateMachine: Sendable {
  package typealias Instant = WorkerClock.Instant

  /// What a worker is told once.
  package struct Settings: Sendable {
    var configuration: TaskWorkerConfiguration
    /// The types with handlers, and how long an attempt of each may take.
    var timeouts: [TaskType: Duration?]
    /// How many tasks of a type run at the same time at most.
    var maxConcurrent: [TaskType: Int]
    /// None, except in the simulation's own tests.
    var faults: EngineFaults

    package init(
      configuration: TaskWorkerConfiguration,
      timeouts: [TaskType: Duration?],
      maxConcurrent: [TaskType: Int] = [:],
      faults: EngineFaults = []
    ) {
      self.configuration = configuration
      self.timeouts = timeouts
      self.maxConcurrent = maxConcurrent
      self.faults = faults
    }
  }

  enum Phase: Sendable {
    /// The store is asked whether it can be worked with. → running, draining, over.
    case starting
    /// → draining, over.
    case running
    /// Claims nothing, handlers may finish. → cancelling, over.
    case draining(until: Instant)
    /// Handlers were told to stop. → flushing, over.
    case cancelling(until: Instant)
    /// Nobody waits for handlers any more; outcomes are recorded. → over.
    case flushing(until: Instant)
    /// Stops without handing back anything; cancelled handlers may end. → over.
    case aborting(until: Instant)
    case over
  }

  let settings: Settings
  /// Of the types that have one.
  let timeouts: [TaskType: Duration]
  /// How long one call of the store may take.
  package let callLimit: Duration
  var generator: SeededGenerator
  private(set) var phase = Phase.starting
  /// Why the worker cannot work; only once it is over.
  private(set) var failure: TaskQueueError?

  var calls = CallBook()
  var queue = LocalQueue()
  var held: [TaskID: HeldTask] = [:]
  var runners: RunnerBook
  /// Runners to be cancelled.
  var cancellations: [RunnerID] = []
  var outcomes: OutcomeBook
  var pace: Pace
  var outage: StoreOutage
  /// The last call of those that every worker makes was answered.
  var doesStoreAnswer = false
  var groups: ClaimGroups
  var leases: LeaseTimes
  var storeClock = StoreClock()
  var listener = ListenerState()
  var upkeep: UpkeepTimes
  var events: [EngineEvent] = []

  package init(_ settings: Settings, seed: UInt64, at now: Instant) {
    let configuration = settings.configuration
    self.settings = settings
    timeouts = settings.faults.contains(.timeoutIgnored) ? [:] : settings.timeouts.compactMapValues(\.self)
    callLimit = min(configuration.lease / 3, .seconds(10))
    generator = SeededGenerator(seed: seed)
    runners = RunnerBook(concurrency: configuration.concurrency)
    outcomes = OutcomeBook()
    pace = Pace(concurrency: configuration.concurrency)
    outage = StoreOutage(at: now)
    groups = ClaimGroups(settings, at: now)
    leases = LeaseTimes(configuration.lease, at: now)
    upkeep = UpkeepTimes(at: now)
  }

  var configuration: TaskWorkerConfiguration { settings.configuration }

  package var isOver: Bool { if case .over = phase { true } else { false } }
  var isRunning: Bool { if case .running = phase { true } else { false } }

  /// Nothing is held, and nothing is under way that may bring or record something.
  var isIdle: Bool { held.isEmpty && outcomes.isEmpty && calls.isQuiet }

  // MARK: The one place that plans

  /// What is to be done now.
  package mutating func advance(at now: Instant) -> EngineTurn {
    var turn = EngineTurn(wakeAt: now.advanced(by: .seconds(5)))
    endCalls(at: now)
    endLeases(at: now)
    endAttempts(at: now, in: &turn)
    handBackHoard(at: now)
    advanceShutdown(at: now, in: &turn)
    if !isOver {
      plan(at: now, in: &turn)
      noteWakeTimes(in: &turn)
    }
    if settings.faults.contains(.deafWorker), calls.isUnderWay(.look) || calls.isUnderWay(.lateLook) {
      turn.wakeAt = now.advanced(by: .seconds(3_600))
    }
    if !events.isEmpty {
      turn.events = events
      events = []
    }
    return turn
  }

  private mutating func plan(at now: Instant, in turn: inout EngineTurn) {
    switch phase {
    case .over, .aborting: return
    case .starting: planPreparation(at: now, in: &turn)
    case .running:
      planListening(at: now, in: &turn)
      // What may hide behind the position comes first: a slot that became free is for what waited longest. A look at everything finds
      // what a late look would, and not the other way round.
      planLook(at: now, in: &turn)
      planLateLook(at: now, in: &turn)
      planExchange(at: now, in: &turn)
      planAssistance(at: now, in: &turn)
      planRenewal(at: now, in: &turn)
      planMaintenance(at: now, in: &turn)
      planRunners(in: &turn)
      planPoolWatch(at: now, in: &turn)
    case .draining, .cancelling, .flushing:
      planExchange(at: now, in: &turn)
      planRenewal(at: now, in: &turn)
      planPoolWatch(at: now, in: &turn)
    }
  }

  private func noteWakeTimes(in turn: inout EngineTurn) {
    turn.wake(at: calls.nextExpiry)
    if !settings.faults.contains(.leaseEndsLate) { turn.wake(at: leases.nextEnd) }
    turn.wake(at: runners.nextCheck)
    turn.wake(at: hoardCheck)
    switch phase {
    case .draining(let until), .cancelling(let until), .flushing(let until), .aborting(let until): turn.wake(at: until)
    case .starting, .running, .over: break
    }
  }

  // MARK: What is held

  /// Where the claim's task is held; nil: it is not, or by another claim.
  func index(of claim: Claim) -> Dictionary<TaskID, HeldTask>.Index? {
    guard let index = held.index(forKey: claim.id), held.values[index].task.claim == claim else { return nil }
    return index
  }

  // MARK: Phases

  mutating func become(_ next: Phase) { phase = next }

  mutating func fail(_ error: TaskQueueError) {
    failure = error
    phase = .over
  }
}

extension EngineTurn {
  mutating func wake(at instant: WorkerClock.Instant?) {
    if let instant, instant < wakeAt { wakeAt = instant }
  }
}
