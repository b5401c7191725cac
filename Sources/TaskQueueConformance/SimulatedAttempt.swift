import Logging
import Synchronization
@_spi(Store) import TaskQueue

/// Where an attempt waits until the model run lets it go on.
enum EffectGate: Sendable {
  /// Before the ledger is asked for leave.
  case begin
  /// The ledger has answered.
  case began(EffectDecision)
  /// The request is on its way to the provider.
  case request(EffectCall)
  /// The provider is being asked.
  case lookup(EffectCall)
  /// Before the outcome is recorded.
  case end
  /// The outcome is recorded.
  case ended
}

/// How the world answers at a gate.
enum GateAnswer: Sendable {
  case goOn
  case fail(EffectFailure)
  /// No answer, an error without meaning.
  case lose
  case found(EffectInquiry<String>)
}

/// An attempt that runs the library's own code against gates: it goes on only when told to, and dies when told to.
final class SimulatedAttempt: Sendable {
  /// What the attempt did last.
  enum Event: Sendable {
    case reached(EffectGate)
    case finished(Result<String, any Error>)
  }

  private struct State {
    var isDead = false
    var waiting: CheckedContinuation<GateAnswer, Never>?
  }

  let task: ClaimedTask
  private let state = Mutex(State())
  private let events: AsyncStream<Event>
  private let report: AsyncStream<Event>.Continuation

  init(_ task: ClaimedTask) {
    self.task = task
    (events, report) = AsyncStream<Event>.makeStream()
  }

  func run(_ ledger: any EffectLedger, clock: any Clock<Duration>, canAsk: Bool) async {
    let gated = GatedLedger(inner: ledger, attempt: self)
    let context = TaskContext(
      task: task,
      ledger: gated,
      effects: EffectsConfiguration(clock: clock),
      logger: Logger(label: "model") { _ in SwiftLogNoOpLogHandler() }
    )
    var reconcile: (@Sendable (EffectCall) async throws -> EffectInquiry<String>)?
    if canAsk {
      reconcile = { call in
        guard case .found(let inquiry) = await self.reach(.lookup(call)) else { throw ProviderDown() }
        return inquiry
      }
    }
    let result: Result<String, any Error>
    do {
      let value = try await context.effects.perform(
        "charge",
        request: 1,
        options: EffectOptions(callLimit: EffectModel.callLimit),
        call: { call in
          switch await self.reach(.request(call)) {
          case .goOn: return "paid"
          case .fail(let failure): throw failure
          case .lose, .found: throw ProviderDown()
          }
        },
        reconcile: reconcile
      )
      result = .success(value)
    } catch { result = .failure(error) }
    report.yield(.finished(result))
  }

  // MARK: The attempt's side

  var isDead: Bool { state.withLock { $0.isDead } }

  func reach(_ gate: EffectGate) async -> GateAnswer {
    await withCheckedContinuation { continuation in
      let isDead = state.withLock { state in
        if !state.isDead { state.waiting = continuation }
        return state.isDead
      }
      if isDead { continuation.resume(returning: .lose) } else { report.yield(.reached(gate)) }
    }
  }

  // MARK: The run's side

  /// Waits for the attempt's next step.
  func next() async -> Event {
    for await event in events { return event }
    return .finished(.failure(CancellationError()))
  }

  func answer(_ answer: GateAnswer) {
    let waiting = state.withLock { state in
      defer { state.waiting = nil }
      return state.waiting
    }
    waiting?.resume(returning: answer)
  }

  /// Nothing it does from now on has an effect.
  func die() {
    state.withLock { $0.isDead = true }
    answer(.lose)
  }
}

/// A ledger with a gate before and after each step, which a dead attempt does not pass.
private struct GatedLedger: EffectLedger {
  let inner: any EffectLedger
  let attempt: SimulatedAttempt

  private func pass(_ gate: EffectGate) async throws(TaskQueueError) {
    _ = await attempt.reach(gate)
    guard !attempt.isDead else { throw TaskQueueError(.storeFailed, "The process died.") }
  }

  func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision {
    try await pass(.begin)
    let decision = try await inner.beginEffect(intent)
    try await pass(.began(decision))
    return decision
  }

  func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome? {
    try await pass(.end)
    let recorded = try await inner.endEffect(call, outcome)
    try await pass(.ended)
    return recorded
  }

  func resolveEffect(_ name: EffectName, of task: TaskID, as resolution: EffectResolution) async throws(TaskQueueError)
    -> EffectResolutionResult
  { try await inner.resolveEffect(name, of: task, as: resolution) }
  func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord] { try await inner.effects(of: task) }
  func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord] {
    try await inner.unsettledEffects(olderThan: age, limit: limit)
  }
  func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int {
    try await inner.purgeEffects(olderThan: age)
  }
}
