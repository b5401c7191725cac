import Logging
import SeededRandom
import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Drives one run: one attempt at a time, and the time in between.
struct FlowTestDriver<Payload: TaskPayload & Sendable>: Sendable {
  /// What a run brought.
  struct Result: Sendable {
    var ending: FlowEnding
    /// Of the built-in checks, and of the invariant.
    var problem: String?
    var underlying: (any Error)?
    var points: [FlowPoint]
    var trace: [String]
    /// When the waits for events end that have a timeout, after the start.
    var timeouts: [String: Duration]
    var eventKeys: [String]
  }

  let payload: Payload
  let options: FlowTestOptions
  let timing: FlowEventTiming
  let gate: FlowTestGate
  let run: FlowTestRun
  let handlers: TaskHandlers
  private let attempts: SingleAttempt
  private var store: InMemoryTaskStore { gate.store }

  init(
    _ payload: Payload,
    options: FlowTestOptions,
    plan: FlowCrashPlan,
    timing: FlowEventTiming,
    seed: UInt64,
    setUp: @Sendable (FlowTestRun) async throws -> TaskHandlers
  ) async throws {
    let time = ManualTime()
    let gate = FlowTestGate(
      plan,
      store: InMemoryTaskStore(now: { time.now }),
      time: time,
      checks: options.checks
    )
    let run = FlowTestRun(gate)
    let generator = SharedGenerator(seed: seed)
    handlers = try await setUp(run)
    attempts = SingleAttempt(
      store: run.client.store,
      handlers: handlers,
      middleware: [],
      effects: EffectsConfiguration(clock: time.clock),
      maxCrashes: .max,
      wallClock: { time.now },
      random: { generator.next() },
      flowObserver: { try await gate.observe($0) },
      // What goes wrong on purpose is of no interest to a log.
      logger: Logger(label: "TaskQueue") { _ in SwiftLogNoOpLogHandler() }
    )
    self.payload = payload
    self.options = options
    self.timing = timing
    self.gate = gate
    self.run = run
  }

  func result() async throws -> Result {
    let id = try await TaskClient(store: store, coding: handlers.coding).enqueue(payload).id
    return try await withThrowingTaskGroup(of: Void.self) { group in
      defer {
        gate.finish()
        group.cancelAll()
      }
      var life = Life(driver: self, signals: gate.signals.makeAsyncIterator())
      try await life.live(in: &group)
      return try await judge(id, isCut: life.isCut)
    }
  }

  private func judge(_ id: TaskID, isCut: Bool) async throws -> Result {
    let ending = try await ending(of: id, isCut: isCut)
    var (problem, underlying): (String?, (any Error)?) = (gate.state.withLock { $0.problems.first }, nil)
    if problem == nil {
      do { try await run.check(ending) } catch {
        problem = "The invariant does not hold, and the flow ended as: \(ending). \(error)"
        underlying = error
      }
    }
    let start = gate.start
    return gate.state.withLock { state in
      Result(
        ending: ending,
        problem: problem,
        underlying: underlying,
        points: state.points,
        trace: state.trace.lines,
        timeouts: state.timeouts.mapValues { .milliseconds(since: start, until: $0) },
        eventKeys: run.emissions.map(\.event.key)
      )
    }
  }

  private func ending(of id: TaskID, isCut: Bool) async throws -> FlowEnding {
    if let letter = try await store.deadLetters(.init(ids: [id]), after: nil, limit: 1).first {
      return .deadLetter(letter.reason)
    }
    guard try await store.task(id) != nil else { return .completed }
    let waits = try await store.steps(of: id).contains { $0.kind == .wait }
    return waits && !isCut ? .waiting : .endless
  }

  // MARK: One life

  /// What a run has done so far.
  struct Life {
    let driver: FlowTestDriver
    var signals: AsyncStream<FlowTestGate.Signal>.Iterator
    var attemptCount = 0
    /// It was given up: too many attempts, or too much time.
    var isCut = false
    /// When the leases of halted attempts end.
    private var leaseEnds: [Date] = []
    private var emissions: [(event: FlowEvent, at: Date)]

    init(driver: FlowTestDriver, signals: AsyncStream<FlowTestGate.Signal>.Iterator) {
      self.driver = driver
      self.signals = signals
      let (start, timing) = (driver.gate.start, driver.timing)
      emissions = driver.run.emissions.flatMap { emission in
        timing.times(of: emission.event.key, emission.after).map {
          (emission.event, start.addingTimeInterval($0 / .seconds(1)))
        }
      }
    }

    private var gate: FlowTestGate { driver.gate }

    mutating func live(in group: inout ThrowingTaskGroup<Void, any Error>) async throws {
      while true {
        try await emitDue()
        let exchange = try await claim()
        if let task = exchange.claimed.first {
          guard attemptCount < driver.options.maxAttempts else {
            isCut = true
            return
          }
          attemptCount += 1
          try await run(task, attemptCount, in: &group)
          for zombie in gate.standing(.goesOnAfterNext) where zombie < attemptCount && isOvertaken(zombie) {
            await wake(zombie)
          }
        } else if let zombie = lastZombie, nextInstant(exchange) == nil {
          await wake(zombie)
        } else if let next = nextInstant(exchange) {
          // Dates are coarser than durations: never stand still.
          let wait = Duration.milliseconds(since: gate.time.now, until: next)
          gate.time.advance(by: max(wait, .milliseconds(1)))
        } else {
          return
        }
      }
    }

    private func claim() async throws -> Exchange {
      let counts = try await driver.store.counts()
      let queues = Set(counts.filter { $0.state != .finished }.map(\.queue))
      guard !queues.isEmpty else { return Exchange() }
      let request = ClaimRequest(
        queues: queues.sorted { $0.rawValue < $1.rawValue },
        types: driver.handlers.types,
        limit: 1,
        lease: driver.options.lease,
        promotesDue: true
      )
      return try await driver.store.exchange(settle: [], claim: request)
    }

    // MARK: Attempts

    private mutating func run(
      _ task: ClaimedTask,
      _ number: Int,
      in group: inout ThrowingTaskGroup<Void, any Error>
    ) async throws {
      gate.begin(number, task)
      group.addTask { [gate, attempts = driver.attempts] in
        await FlowTestGate.$current.withValue(number) {
          // What the store throws is the end of a crashed attempt.
          _ = try? await attempts.run(task)
          gate.end(number)
        }
      }
      if await follow(number) {
        leaseEnds.append(task.claimedAt.addingTimeInterval((driver.options.lease + .seconds(1)) / .seconds(1)))
      }
    }

    /// Waits until the attempt ends or is halted. One that yields goes on once the zombies before it have come to their end.
    ///
    /// - Returns: whether it is halted.
    private mutating func follow(_ number: Int) async -> Bool {
      while let signal = await signals.next(isolation: #isolation) {
        switch signal {
        case .ended(number): return false
        case .halted(number):
          guard gate.isYielding(number) else { return true }
          for zombie in gate.standing(.goesOnBesideNext) where zombie < number { await wake(zombie) }
          gate.resume(number)
        case .ended, .halted: continue
        }
      }
      return false
    }

    private mutating func wake(_ zombie: Int) async {
      gate.resume(zombie)
      _ = await follow(zombie)
    }

    private func isOvertaken(_ zombie: Int) -> Bool {
      gate.state.withLock { state in
        let id = state.attempts[zombie]?.task.claim.id
        return state.attempts.contains { $0.key > zombie && $0.value.task.claim.id == id }
      }
    }

    private var lastZombie: Int? {
      (gate.standing(.goesOnBesideNext) + gate.standing(.goesOnAfterNext)).min()
    }

    // MARK: Time

    /// When something happens next; nil: nothing does, or too late.
    private mutating func nextInstant(_ exchange: Exchange) -> Date? {
      let now = gate.time.now
      leaseEnds.removeAll { $0 <= now }
      let due = exchange.nextDueIn.map { now.addingTimeInterval($0 / .seconds(1)) }
      let end = gate.start.addingTimeInterval(driver.options.within / .seconds(1))
      let next = (leaseEnds + emissions.map(\.at) + (due.map { [$0] } ?? [])).min()
      return next.flatMap { $0 <= end ? $0 : nil }
    }

    private mutating func emitDue() async throws {
      let now = gate.time.now
      let due = emissions.filter { $0.at <= now }.sorted { $0.at < $1.at }
      emissions.removeAll { $0.at <= now }
      for (event, _) in due {
        let counts = try await driver.store.emit(event)
        gate.note("event \"\(event.key)\" comes\(counts ? "" : ", again")")
      }
    }
  }
}

/// Chance that a seed repeats, for code that draws from several Swift tasks.
private final class SharedGenerator: Sendable {
  private let generator: Mutex<SeededGenerator>
  init(seed: UInt64) { generator = Mutex(SeededGenerator(seed: seed)) }
  func next() -> UInt64 { generator.withLock { $0.next() } }
}
