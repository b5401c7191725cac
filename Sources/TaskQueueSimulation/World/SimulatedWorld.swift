import SeededRandom
@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Several workers on one store, in one thread, with a time of its own. The plan and its seed decide everything.
final class SimulatedWorld {
  let plan: SimulationPlan
  let faults: EngineFaults
  private(set) var now = Instant.zero
  var agenda: Agenda
  var store = SimulatedStore()
  var conditions = StoreConditions()
  /// For what belongs to no process.
  var generator: SeededGenerator
  /// The present life of each worker; nil: none.
  var processes: [SimulatedProcess?]
  var lives: [Int]
  /// Until then a worker that ended is not started again.
  var startableAt: [Instant]
  var books = TaskBooks()
  var flowBooks: [TaskID: FlowBook] = [:]
  /// When each event came first, also by the store's clock.
  var emittedAt: [String: (now: Instant, time: Date)] = [:]
  var deafListeners = 0
  var history: History
  private(set) var violation: Violation?
  private(set) var stepCount = 0
  /// No more faults, and all workers are up: what is left is to be done soon.
  var isCalm = false
  var isEnding = false
  /// What was settled last.
  var progressAt = Instant.zero
  var jumpedAheadAt: Instant?
  var clockJumps = 0
  /// When the lock on a row ended last.
  var unlockedAt: [TaskID: Instant] = [:]
  /// Attempts whose task another claim has taken, and since when.
  var suspects: [(process: SimulatedProcess, attempt: RunningAttempt, since: Instant)] = []

  init(_ plan: SimulationPlan, faults: EngineFaults, recording: Bool) {
    self.plan = plan
    self.faults = faults
    agenda = Agenda(seed: plan.seed ^ 0xA6E4_DA)
    generator = SeededGenerator(seed: plan.seed ^ 0x3011D)
    processes = plan.workers.map { _ in nil }
    lives = plan.workers.map { _ in 0 }
    startableAt = plan.workers.map { _ in .zero }
    history = History(isKept: recording)
    store.keepsCrashes = faults.contains(.crashCountNeverEnds)
    store.flowFaults = faults.intersection(.flows)
  }

  // MARK: The run

  private static var auditInterval: Duration { .milliseconds(250) }
  /// No handler runs for nearly so long.
  private static var longestPause: Duration { .seconds(200) }
  private static var maxSteps: Int { 5_000_000 }

  func run() {
    for (index, task) in plan.tasks.enumerated() where !task.isLeftOut {
      schedule(.stored(task: index), after: task.storedAt)
    }
    for event in plan.events { schedule(.emitted(event), after: event.at) }
    for (index, fault) in plan.faults.enumerated() { schedule(.faultBegins(index), after: fault.at) }
    for (index, worker) in plan.workers.enumerated() { schedule(.workerStarts(index), after: worker.startsAt) }
    store.state.declare(SimulationPlan.limits)
    schedule(.audit, after: Self.auditInterval)
    while violation == nil, let next = agenda.next() {
      now = next.at
      store.state.limits.now = store.time(at: now)
      stepCount += 1
      perform(next.step)
      if stepCount == Self.maxSteps { fail(.spins, "\(stepCount) steps, and no end") }
    }
    for process in processes { process?.die() }
    processes = []
  }

  func schedule(_ step: Step, after delay: Duration) { agenda.add(step, at: now.advanced(by: delay)) }

  func schedule(_ inner: Step.Inner, in process: SimulatedProcess, after delay: Duration) {
    schedule(.inside(process, inner), after: delay)
  }

  func fail(_ kind: Violation.Kind, _ text: String) {
    guard violation == nil else { return }
    violation = Violation(kind: kind, text: text, at: Instant.zero.duration(to: now))
    history.note(now, "VIOLATION \(kind.rawValue): \(text)")
  }

  private func perform(_ step: Step) {
    switch step {
    case .stored(let index): storeTask(index)
    case .committed(let index): commitTask(index)
    case .faultBegins(let index): beginFault(index)
    case .faultEnds(let index): endFault(index)
    case .workerStarts(let index): startWorker(index)
    case .inside(let process, let inner):
      guard process.isAlive else { return }
      guard !process.isPaused else { return process.deferred.append(inner) }
      perform(inner, in: process)
    case .effect(let call): takeEffect(call)
    case .flowEffect(let call): takeFlowEffect(call)
    case .emitted(let event): emit(event)
    case .audit:
      audit()
      advanceEnd()
      if !isOver { schedule(.audit, after: Self.auditInterval) }
    }
  }

  /// Everything is done and every worker has ended.
  private var isOver: Bool { isEnding && processes.allSatisfy { $0 == nil } }

  // MARK: Tasks

  private func storeTask(_ index: Int) {
    let task = plan.tasks[index]
    guard task.commitsAfter > .zero else { return insert(index, task, at: now) }
    store.writers.insert("writer-\(index)")
    schedule(.committed(task: index), after: task.commitsAfter)
  }

  private func commitTask(_ index: Int) {
    let task = plan.tasks[index]
    store.writers.remove("writer-\(index)")
    // Its due time is that of its transaction's first write.
    insert(index, task, at: Instant.zero.advanced(by: task.storedAt))
  }

  /// - Parameter storedAt: when its transaction stored it.
  func insert(_ index: Int?, _ task: TaskPlan, at storedAt: Instant) {
    var options = EnqueueOptions()
    options.queue = task.queue
    options.priority = task.priority
    if task.delay > .zero { options.schedule = .after(task.delay) }
    options.limit = task.limit
    options.unique = task.uniqueKey.map { UniqueKey($0, mode: .coalesce) }
    guard let new = try? NewTask(type: task.type, json: Data("{}".utf8), options: options) else {
      preconditionFailure("the plan holds a task that is not valid")
    }
    let result = store.state.enqueue(new, now: store.time(at: storedAt))
    if result.isNew {
      books.add(result.id, index, task, at: now)
      history.note(now, "task \(result.id) stored: \(task.type) in \(task.queue), priority \(task.priority)")
    }
    if let index { books.ids[index] = result.id }
    postHints()
  }

  func postHints() {
    var hints = Array(store.takeHints())
    guard !hints.isEmpty else { return }
    // The set's own order is another one in each process.
    if hints.count > 1 { hints.sort { "\($0)" < "\($1)" } }
    for process in processes {
      guard let process, process.isListening, deafListeners == 0 else { continue }
      for hint in hints {
        let delay = Duration.microseconds(Int.random(in: 100...3_000, using: &process.generator))
        schedule(.hint(hint), in: process, after: delay + conditions.network)
      }
    }
  }

  // MARK: Workers

  private func startWorker(_ index: Int) {
    guard processes[index] == nil, !isEnding else { return }
    lives[index] += 1
    let seed =
      plan.seed ^ (UInt64(index + 1) &* 0x9E37_79B9_7F4A_7C15) ^ (UInt64(lives[index]) &* 0xD1B5_4A32_D192_ED03)
    let process = SimulatedProcess(
      worker: index,
      life: lives[index],
      plan.workers[index],
      seed: seed,
      faults: faults,
      at: now
    )
    process.isCutOff = cutOff.contains(index)
    processes[index] = process
    history.note(now, "worker \(index) starts, life \(lives[index])")
    requestTurn(of: process)
  }

  /// A process ended, or was killed.
  func processEnded(_ process: SimulatedProcess, startAgainAfter delay: Duration) {
    books.forgetOutcomes(of: process)
    process.die()
    processes[process.worker] = nil
    startableAt[process.worker] = max(startableAt[process.worker], now.advanced(by: delay))
    agenda.add(.workerStarts(process.worker), at: startableAt[process.worker])
  }

  /// Workers without a way to the store.
  var cutOff: Set<Int> = []

  // MARK: The end

  /// Once all that goes wrong is over: waits for the work to be done, then for the workers to stop.
  private func advanceEnd() {
    let elapsed = Instant.zero.duration(to: now)
    if !isCalm {
      guard elapsed >= plan.activeFor, activeFaults == 0, store.writers.isEmpty,
        emittedAt.count == plan.events.count
      else { return }
      isCalm = true
      progressAt = now
      history.note(now, "calm")
    }
    guard !isEnding else { return }
    if hasWork {
      let pause = progressAt.duration(to: now)
      if pause > Self.longestPause {
        fail(.unfinished, "nothing was done for \(pause), and these are left: \(unfinished)")
      }
      return
    }
    isEnding = true
    for case let process? in processes { drain(process) }
  }

  /// Faults that go on.
  var activeFaults = 0

  func drain(_ process: SimulatedProcess) {
    guard process.drainedAt == nil else { return }
    history.note(now, "worker \(process.worker) is to shut down")
    process.drainedAt = now
    process.machine.drain(at: now)
    requestTurn(of: process)
  }

  private static var far: Duration { .seconds(3_600 * 24) }

  private func isUnfinished(_ task: InMemoryTask) -> Bool {
    switch task.phase {
    case .finished: false
    case .inLine: true
    case .scheduled: task.dueAt < store.time(at: now) + Self.far / .seconds(1)
    case .ready, .held: true
    }
  }

  private var hasWork: Bool { store.state.tasks.values.contains(where: isUnfinished) }
  private var unfinished: [TaskID] { store.state.tasks.values.filter(isUnfinished).map(\.id).sorted() }
}
