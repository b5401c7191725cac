import SeededRandom
@_spi(Store) import TaskQueue

extension SimulationPlan {
  static let queues: [QueueName] = ["default", "mail"]
  static let types: [TaskType] = ["work", "report"]
  /// Its attempts have a timeout.
  static let limitedType: TaskType = "limited"
  static let timeout: Duration = .milliseconds(1_500)
  static let limits = [LimitRule("pair", concurrency: 2), LimitRule("line", order: .ordered())]

  /// The plan of a seed, the same on every machine.
  init(seed: UInt64, size: SimulationSize = .small) {
    var generator = SeededGenerator(seed: seed)
    self.seed = seed
    faults = []
    let seconds = Int.random(in: size.seconds, using: &generator)
    activeFor = .seconds(seconds)
    let workerCount = Int.random(in: size.workers, using: &generator)
    let lease = Duration.milliseconds([1_500, 3_000, 6_000, 15_000].randomElement(using: &generator) ?? 3_000)
    workers = (0..<workerCount).map { index in
      WorkerPlan(
        configuration: Self.configuration(lease: lease, isFirst: index == 0, using: &generator),
        startsAt: .milliseconds(Int.random(in: 0...500, using: &generator))
      )
    }
    // Themes, so that some runs are full of one thing and free of another.
    let slowness = [0, 0, 1, 2].randomElement(using: &generator) ?? 0
    let malice = [0, 0, 1, 3].randomElement(using: &generator) ?? 0
    let taskCount = Int.random(in: size.tasks, using: &generator)
    let burst = Bool.random(using: &generator)
    let milliseconds = seconds * 1_000
    tasks = (0..<taskCount).map { _ in
      let latest = burst ? milliseconds / 6 : milliseconds * 9 / 10
      return Self.task(before: latest, slowness: slowness, malice: malice, using: &generator)
    }
    let theme = Theme.allCases.randomElement(using: &generator) ?? .any
    dress(theme, lease: lease, using: &generator)
    let faultCount = Int.random(in: size.faults, using: &generator)
    faults += (0..<faultCount).map { _ in
      Self.fault(before: milliseconds, tasks: taskCount, workers: workerCount, lease: lease, using: &generator)
    }
    // By chance of their own, so that the rest of a seed's plan does not depend on them.
    var other = SeededGenerator(seed: ~seed)
    if Int.random(in: 0..<3, using: &other) == 0 { setMaxima(using: &other) }
    if theme != .hurry, Int.random(in: 0..<4, using: &other) == 0 { setLimits(using: &other) }
    var third = SeededGenerator(seed: seed ^ 0xF10_5)
    if Int.random(in: 0..<size.plansPerFlows, using: &third) == 0 { addFlows(size.flows, lease: lease, using: &third) }
  }

  /// What needs several things together, and would hardly come about by itself.
  private enum Theme: CaseIterable {
    case any
    case other
    /// A worker with a long handler loses its way to the store for longer than its lease.
    case cutOff
    /// The store's clock jumps ahead while handlers are at work.
    case jump
    /// Many quick tasks, and slow ones behind them.
    case hurry
  }

  private mutating func dress(_ theme: Theme, lease: Duration, using generator: inout SeededGenerator) {
    let start = Duration.milliseconds(Int.random(in: 600...1_500, using: &generator))
    switch theme {
    case .any, .other: return
    case .cutOff:
      makeSlow(lease * 2, from: 0, using: &generator)
      faults.append(Fault(kind: .workerCutOff(worker: 0), at: start, lasts: lease * 3))
    case .jump:
      makeSlow(lease / 2, from: 0, using: &generator)
      faults.append(Fault(kind: .clockJumps(lease * 3), at: start, lasts: .zero))
    case .hurry:
      for index in workers.indices { workers[index].configuration.maxPrefetch = 40 }
      for index in tasks.indices {
        tasks[index].storedAt = .milliseconds(index)
        tasks[index].commitsAfter = .zero
        tasks[index].queue = Self.queues[0]
        tasks[index].behaviours = [.quick]
      }
      makeSlow(.seconds(2), from: tasks.count / 2, using: &generator)
    }
  }

  private mutating func setMaxima(using generator: inout SeededGenerator) {
    for index in workers.indices {
      for queue in workers[index].configuration.queues where Bool.random(using: &generator) {
        workers[index].configuration.maxConcurrent[queue] = Int.random(in: 1...3, using: &generator)
      }
      for type in [Self.limitedType, Self.types[0]] where Bool.random(using: &generator) {
        workers[index].maxConcurrent[type] = Int.random(in: 1...3, using: &generator)
      }
    }
  }

  private mutating func setLimits(using generator: inout SeededGenerator) {
    for index in tasks.indices where Int.random(in: 0..<3, using: &generator) > 0 {
      let name = Self.limits.randomElement(using: &generator)?.name ?? ""
      tasks[index].limit = TaskLimit(name, key: "\(Int.random(in: 0..<3, using: &generator))")
      // Where order is strict, a task's place is that of its id from when it is due on.
      guard name == "line" else { continue }
      tasks[index].delay = .zero
      // One that waits for months holds up those behind it.
      tasks[index].behaviours = tasks[index].behaviours.map { behaviour in
        guard case .snoozes(let wait) = behaviour.ending, wait > .seconds(60) else { return behaviour }
        return .quick
      }
    }
  }

  private mutating func makeSlow(_ duration: Duration, from start: Int, using generator: inout SeededGenerator) {
    for index in tasks.indices.dropFirst(start) {
      tasks[index].type = Self.types[0]
      let share = Double.random(in: 0.5...1.5, using: &generator)
      tasks[index].behaviours = [Behaviour(duration: duration * share, ending: .completes)]
    }
  }

  private static func configuration(
    lease: Duration,
    isFirst: Bool,
    using generator: inout SeededGenerator
  ) -> TaskWorkerConfiguration {
    var configuration = TaskWorkerConfiguration()
    // The first one serves everything, so that no task is without a worker.
    configuration.queues = isFirst || .random(using: &generator) ? queues : [queues[0]]
    configuration.concurrency = Int.random(in: 1...4, using: &generator)
    configuration.maxPrefetch = [0, 4, 40].randomElement(using: &generator) ?? 0
    configuration.lease = lease
    configuration.maxCrashes = 5
    configuration.listensForWakeUps = .random(using: &generator)
    configuration.shutdownGrace = .milliseconds(Int.random(in: 0...3_000, using: &generator))
    configuration.cancellationGrace = .milliseconds(Int.random(in: 100...1_000, using: &generator))
    configuration.maintenanceInterval = .seconds(10)
    configuration.minPollInterval = .milliseconds([1, 16, 16, 128].randomElement(using: &generator) ?? 1)
    return configuration
  }

  // MARK: Tasks

  private static func task(
    before latest: Int,
    slowness: Int,
    malice: Int,
    using generator: inout SeededGenerator
  ) -> TaskPlan {
    let isLate = Int.random(in: 0..<8, using: &generator) == 0
    let isDelayed = Int.random(in: 0..<4, using: &generator) == 0
    let attempts = Int.random(in: 0...3, using: &generator)
    var behaviours = (0..<attempts).map { _ in behaviour(slowness: slowness, malice: malice, using: &generator) }
    if malice > 0, Int.random(in: 0..<20, using: &generator) == 0 { behaviours = crashing }
    behaviours.append(ending(slowness: slowness, using: &generator))
    let type = ([limitedType] + types + types).randomElement(using: &generator) ?? types[0]
    return TaskPlan(
      // Nothing but a timeout ends what hangs.
      type: behaviours.contains(where: \.hangs) ? limitedType : type,
      queue: (queues + [queues[0]]).randomElement(using: &generator) ?? queues[0],
      priority: [100, 100, 100, 50, 200].randomElement(using: &generator) ?? 100,
      storedAt: .milliseconds(Int.random(in: 0...latest, using: &generator)),
      commitsAfter: .milliseconds(isLate ? Int.random(in: 1...3_000, using: &generator) : 0),
      delay: .milliseconds(isDelayed ? Int.random(in: 1...6_000, using: &generator) : 0),
      uniqueKey: Int.random(in: 0..<10, using: &generator) == 0
        ? "key-\(Int.random(in: 0..<3, using: &generator))" : nil,
      behaviours: behaviours
    )
  }

  /// More crashes than are allowed in a row, with good attempts between.
  private static var crashing: [Behaviour] {
    let crash = Behaviour(duration: .milliseconds(5), ending: .crashes)
    let good = Behaviour(duration: .milliseconds(5), ending: .again(after: .milliseconds(10)))
    return [crash, crash, good, crash, crash, good, crash, crash, good]
  }

  /// How long a handler runs, by how slow handlers are in this run.
  private static func runTime(_ slowness: Int, using generator: inout SeededGenerator) -> Duration {
    let longest = [20, 600, 5_000][slowness]
    return .milliseconds(Int.random(in: 0...longest, using: &generator))
  }

  private static func ending(slowness: Int, using generator: inout SeededGenerator) -> Behaviour {
    let isOwn = Int.random(in: 0..<5, using: &generator) == 0
    let duration = min(runTime(slowness, using: &generator), .milliseconds(1_000))
    return Behaviour(duration: duration, ending: isOwn ? .completesInTransaction : .completes)
  }

  private static func behaviour(slowness: Int, malice: Int, using generator: inout SeededGenerator) -> Behaviour {
    var behaviour = Behaviour(duration: runTime(slowness, using: &generator), ending: .throwsError)
    switch Int.random(in: 0..<12, using: &generator) {
    case 0..<3: behaviour.ending = .throwsError
    case 3, 4: behaviour.ending = .again(after: .milliseconds(Int.random(in: 0...3_000, using: &generator)))
    case 5, 6:
      let isLong = Int.random(in: 0..<6, using: &generator) == 0
      behaviour.ending = .snoozes(
        isLong ? .seconds(90 * 86_400) : .milliseconds(Int.random(in: 0...3_000, using: &generator))
      )
    case 7: behaviour.ending = .enqueues(Int.random(in: 1...3, using: &generator))
    case 8: behaviour.ending = .discards
    case 9 where malice > 0: behaviour.ending = .crashes
    case 10 where malice > 0: behaviour.ending = .hangs
    default: behaviour.ending = .throwsError
    }
    guard malice > 0, Int.random(in: 0..<6, using: &generator) < malice else { return behaviour }
    behaviour.cancellation = .isIgnored
    behaviour.blocksThread = Bool.random(using: &generator)
    if behaviour.hangs {
      // It ends at last, long after it was given up.
      behaviour.cancellation = .ends(after: .milliseconds(Int.random(in: 1_000...8_000, using: &generator)))
      behaviour.blocksThread = false
    }
    return behaviour
  }

  // MARK: Faults

  private static func fault(
    before latest: Int,
    tasks: Int,
    workers: Int,
    lease: Duration,
    using generator: inout SeededGenerator
  ) -> Fault {
    let worker = Int.random(in: 0..<workers, using: &generator)
    let task = Int.random(in: 0..<tasks, using: &generator)
    let leases = Int(lease / .milliseconds(1))
    let short = Int.random(in: 50...1_500, using: &generator)
    let long = Int.random(in: 500...(leases * 5 / 2), using: &generator)
    let failure = StoreFailure.allCases.randomElement(using: &generator) ?? .connection
    let jump = Int.random(in: -20_000...3_600_000, using: &generator)
    let smallJump = Int.random(in: -5_000...5_000, using: &generator)
    let choices: [(Fault.Kind, Int)] = [
      (.storeFails(failure), long), (.storeFails(failure), short), (.storeHangs, long), (.flaky(0.1), long),
      (.flaky(0.5), long), (.slowLooks(.milliseconds(Int.random(in: 25...200, using: &generator))), 8_000),
      (.slowNetwork(.milliseconds(Int.random(in: 20...400, using: &generator))), long),
      (.refusesData(task: task), 8_000),
      (.rowLocked(task: task), long), (.clockJumps(.milliseconds(jump)), 0), (.clockJumps(.milliseconds(smallJump)), 0),
      (.workerPauses(worker: worker), long), (.workerPauses(worker: worker), short),
      (.workerCutOff(worker: worker), long), (.workerDies(worker: worker), short),
      (.workerDies(worker: worker), long), (.workerShutsDown(worker: worker), short),
      (.workerAborts(worker: worker), short),
      (.taskCancelled(task: task), 0), (.queuePaused(queues.randomElement(using: &generator) ?? queues[0]), short),
      (.listenersDeaf, long), (.listenersBreak, short),
    ]
    let (kind, lasts) = choices.randomElement(using: &generator) ?? choices[0]
    return Fault(
      kind: kind,
      at: .milliseconds(Int.random(in: 0...latest, using: &generator)),
      lasts: .milliseconds(lasts)
    )
  }
}
