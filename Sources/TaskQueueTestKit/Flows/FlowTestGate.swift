import SeededRandom
import Synchronization
@_spi(Store) import TaskQueue
import TaskQueueInMemory

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Where each call of an attempt passes before it reaches the store, and after it. An attempt that crashes is held here: dead until the run has been
/// judged, or overtaken until the next attempt has its task.
final class FlowTestGate: Sendable {
  /// The attempt that this Swift task belongs to; nil: none of the test's.
  @TaskLocal static var current: Int?

  /// What the driver is told.
  enum Signal: Sendable {
    case ended(Int)
    case halted(Int)
  }

  /// Why a held call goes on.
  enum Release: Sendable {
    case goesOn
    /// The run has been judged.
    case isOver
    case isCancelled
  }

  /// running → halted → overtaken (a zombie) → ended; running → yielding → running.
  enum Status {
    case runs
    case halted(FlowCrash)
    /// Lets a zombie go first.
    case yields
    case zombie
    case ended
  }

  struct Attempt {
    let task: ClaimedTask
    var status = Status.runs
    var transactions: [InMemoryTransaction] = []
    var isCompleting = false
    /// Steps that it has come to.
    var reached: Set<String> = []
    /// The Swift tasks that wait for an event, by its step.
    var callers: [String: Int] = [:]
    /// The Swift tasks that were told to leave.
    var told: Set<Int> = []
    var held: [Int: CheckedContinuation<Release, Never>] = [:]
  }

  struct State {
    var plan: FlowCrashPlan
    var attempts: [Int: Attempt] = [:]
    var points: [FlowPoint] = []
    var occurrences: [String: Int] = [:]
    var trace = FlowTestTrace()
    var problems: [String] = []
    /// What was carried out outside, by action.
    var actions: [String: [(key: String?, attempt: Int?)]] = [:]
    /// When the waits for events end that have a timeout.
    var timeouts: [String: Date] = [:]
    var lastHeld = 0
    var isOver = false
  }

  let store: InMemoryTaskStore
  let time: ManualTime
  let start: Date
  let checks: FlowTestOptions.Checks
  let signals: AsyncStream<Signal>
  private let tell: AsyncStream<Signal>.Continuation
  let state: Mutex<State>

  init(_ plan: FlowCrashPlan, store: InMemoryTaskStore, time: ManualTime, checks: FlowTestOptions.Checks) {
    self.store = store
    self.time = time
    self.checks = checks
    start = time.now
    (signals, tell) = AsyncStream.makeStream()
    state = Mutex(State(plan: plan))
  }

  var elapsed: Duration { .milliseconds(since: start, until: time.now) }

  func note(_ text: String) {
    let (attempt, elapsed) = (Self.current, elapsed)
    state.withLock { $0.trace.note(text, by: attempt, at: elapsed) }
  }

  // MARK: Passing

  /// - Throws: `storeFailed`: the attempt had crashed, and the run is over.
  func pass(_ text: String) async throws(TaskQueueError) {
    switch await arrive(text, isCancellable: false) {
    case .goesOn: return
    case .isOver, .isCancelled: throw TaskQueueError(.storeFailed, "This attempt had crashed, and its test is over.")
    }
  }

  /// As ``pass(_:)``, for a call that its own time limit cancels although the attempt stands still.
  func passCancellable(_ text: String) async throws {
    switch await arrive(text, isCancellable: true) {
    case .goesOn: return
    case .isOver: throw TaskQueueError(.storeFailed, "This attempt had crashed, and its test is over.")
    case .isCancelled: throw CancellationError()
    }
  }

  private func arrive(_ text: String, isCancellable: Bool) async -> Release {
    guard let number = Self.current else { return .goesOn }
    let elapsed = elapsed
    let arrival = state.withLock { $0.arrive(number, text, at: elapsed) }
    for transaction in arrival.lost { store.lose(transaction) }
    if let id = arrival.cancelled { _ = try? await store.cancel(id) }
    switch arrival.decision {
    case .goesOn: return .goesOn
    case .isOver: return .isOver
    case .halts(let isFirst):
      if isFirst { tell.yield(.halted(number)) }
      return await hold(number, isCancellable: isCancellable)
    }
  }

  private func hold(_ number: Int, isCancellable: Bool) async -> Release {
    let id = state.withLock { state in
      state.lastHeld += 1
      return state.lastHeld
    }
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let release = state.withLock { state -> Release? in
          if isCancellable, Task.isCancelled, state.isStandingStill(number) { return .isCancelled }
          return state.hold(continuation, id, of: number)
        }
        if let release { continuation.resume(returning: release) }
      }
    } onCancel: {
      guard isCancellable else { return }
      let held = state.withLock { state in
        state.isStandingStill(number) ? state.attempts[number]?.held.removeValue(forKey: id) : nil
      }
      held?.resume(returning: .isCancelled)
    }
  }

  // MARK: The driver's side

  func begin(_ number: Int, _ task: ClaimedTask) {
    let elapsed = elapsed
    state.withLock { state in
      state.attempts[number] = Attempt(task: task)
      state.trace.note("claimed: \(task.type), attempt \(task.attempt)", by: number, at: elapsed)
    }
  }

  func end(_ number: Int) {
    state.withLock { $0.attempts[number]?.status = .ended }
    tell.yield(.ended(number))
  }

  /// A halted attempt goes on.
  func resume(_ number: Int) {
    let elapsed = elapsed
    let held = state.withLock { state -> [CheckedContinuation<Release, Never>] in
      guard let attempt = state.attempts[number] else { return [] }
      switch attempt.status {
      case .halted:
        state.attempts[number]?.status = .zombie
        state.trace.note("goes on without its lease", by: number, at: elapsed)
      case .yields: state.attempts[number]?.status = .runs
      case .runs, .zombie, .ended: return []
      }
      state.attempts[number]?.held = [:]
      return Array(attempt.held.values)
    }
    for continuation in held { continuation.resume(returning: .goesOn) }
  }

  /// Lets everything go that is held: it throws, and nothing that it does counts any more.
  func finish() {
    let held = state.withLock { state in
      state.isOver = true
      let held = state.attempts.values.flatMap(\.held.values)
      for number in state.attempts.keys { state.attempts[number]?.held = [:] }
      return held
    }
    for continuation in held { continuation.resume(returning: .isOver) }
    tell.finish()
  }

  func isYielding(_ number: Int) -> Bool {
    state.withLock { if case .yields? = $0.attempts[number]?.status { true } else { false } }
  }

  /// Attempts that stand still and are to go on in this way, oldest first.
  func standing(_ crash: FlowCrash) -> [Int] {
    state.withLock { state in
      state.attempts.filter { if case .halted(crash) = $0.value.status { true } else { false } }.map(\.key).sorted()
    }
  }
}

extension FlowTestGate.State {
  enum Decision {
    case goesOn
    case halts(isFirst: Bool)
    case isOver
  }

  struct Arrival {
    var decision: Decision
    var lost: [InMemoryTransaction] = []
    var cancelled: TaskID?
  }

  mutating func arrive(_ number: Int, _ text: String, at time: Duration) -> Arrival {
    guard !isOver, let attempt = attempts[number] else { return Arrival(decision: .isOver) }
    switch attempt.status {
    case .halted: return Arrival(decision: .halts(isFirst: false))
    // What it lets go first may wait for its transaction.
    case .yields where !attempt.transactions.isEmpty: return Arrival(decision: .goesOn)
    case .yields: return Arrival(decision: .halts(isFirst: false))
    case .zombie: return Arrival(decision: .goesOn)
    case .ended: return Arrival(decision: .isOver)
    case .runs: break
    }
    occurrences[text, default: 0] += 1
    let point = FlowPoint(text: text, occurrence: occurrences[text] ?? 1)
    points.append(point)
    if isOvertaking(number, attempt) {
      attempts[number]?.status = .yields
      return Arrival(decision: .halts(isFirst: true))
    }
    guard let crash = plan.decide(point) else { return Arrival(decision: .goesOn) }
    trace.note("CRASH \(point): \(crash)", by: number, at: time)
    attempts[number]?.status = .halted(crash)
    attempts[number]?.transactions = []
    let cancelled = crash == .diesCancelled ? attempt.task.claim.id : nil
    return Arrival(decision: .halts(isFirst: true), lost: attempt.transactions, cancelled: cancelled)
  }

  /// Whether an earlier attempt of the task is to go on now. Not inside a transaction, which the other one might wait for.
  private func isOvertaking(_ number: Int, _ attempt: FlowTestGate.Attempt) -> Bool {
    guard attempt.transactions.isEmpty else { return false }
    return attempts.contains { other, earlier in
      guard other < number, earlier.task.claim.id == attempt.task.claim.id else { return false }
      if case .halted(.goesOnBesideNext) = earlier.status { return true }
      return false
    }
  }

  func isStandingStill(_ number: Int) -> Bool {
    if case .halted(let crash)? = attempts[number]?.status { !crash.isDeath } else { false }
  }

  /// - Returns: why it is not held; nil: it is.
  mutating func hold(
    _ continuation: CheckedContinuation<FlowTestGate.Release, Never>,
    _ id: Int,
    of number: Int
  ) -> FlowTestGate.Release? {
    if isOver { return .isOver }
    switch attempts[number]?.status {
    case .halted?, .yields?:
      attempts[number]?.held[id] = continuation
      return nil
    case .runs?, .zombie?, .ended?, nil: return .goesOn
    }
  }
}
