import Synchronization

/// What a worker's engine shows of itself: written at each of its turns, and read without waiting for any of them.
final class WorkerPulse: Sendable {
  enum Phase: Sendable { case starting, running, draining, over }

  struct Condition: Sendable {
    var phase: Phase
    var doesStoreAnswer: Bool
  }

  private struct State {
    /// nil: ``TaskWorker/run()`` was not called yet.
    var condition: Condition?
    /// By the machine's own clock: a worker's may be moved by hand.
    var turnedAt = ContinuousClock.now
  }

  private let state = Mutex(State())

  func beat(_ condition: Condition) { state.withLock { $0 = State(condition: condition) } }

  func end() { beat(Condition(phase: .over, doesStoreAnswer: false)) }

  var health: WorkerHealth {
    let state = state.withLock { $0 }
    let sinceTurn = state.turnedAt.duration(to: .now)
    guard let condition = state.condition else { return WorkerHealth(state: .new, sinceTurn: sinceTurn) }
    let known: WorkerHealth.State =
      switch condition.phase {
      case .starting: .starting
      case .running: condition.doesStoreAnswer ? .ready : .storeUnreachable
      case .draining: .draining
      case .over: .ended
      }
    return WorkerHealth(state: known, sinceTurn: sinceTurn)
  }
}
