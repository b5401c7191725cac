import HeapModule
import SeededRandom
@_spi(Store) import TaskQueue

typealias Instant = WorkerClock.Instant

/// What is to happen, by virtual time. What falls on the same instant happens in an order that the seed decides.
struct Agenda {
  private struct Item: Comparable {
    let at: Instant
    let lot: UInt64
    let step: Step

    static func < (lhs: Item, rhs: Item) -> Bool { (lhs.at, lhs.lot) < (rhs.at, rhs.lot) }
    static func == (lhs: Item, rhs: Item) -> Bool { (lhs.at, lhs.lot) == (rhs.at, rhs.lot) }
  }

  private var items = Heap<Item>()
  private var generator: SeededGenerator

  init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

  mutating func add(_ step: Step, at instant: Instant) {
    items.insert(Item(at: instant, lot: generator.next(), step: step))
  }

  mutating func next() -> (at: Instant, step: Step)? { items.popMin().map { ($0.at, $0.step) } }
}

/// One thing that happens.
enum Step {
  case stored(task: Int)
  case committed(task: Int)
  case faultBegins(Int)
  case faultEnds(Int)
  case workerStarts(Int)
  /// The tests of a bound.
  case audit
  /// Something that happens inside a worker's process: not while it is paused, and never once it is dead.
  case inside(SimulatedProcess, Inner)
  /// The store does what a call asks for.
  case effect(StoreCall)
  case flowEffect(SimulatedFlowCall)
  case emitted(EventPlan)

  enum Inner {
    case turn(number: Int)
    case answer(StoreCall)
    /// A runner's Swift task gets to run.
    case runner(RunnerID)
    case handlerEnds(RunningAttempt)
    case flowGoesOn(RunningAttempt)
    case flowBody(RunningAttempt, FlowStep)
    case flowSend(SimulatedFlowCall)
    case flowAnswer(SimulatedFlowCall)
    case poolAnswers
    case hint(StoreHint)
    case listens
    case listenerEnds(TaskQueueError?)
  }
}
