import SeededRandom

/// When a worker looks at the schedules, and what it does with what it finds. Pure, as the engine's machine is: inputs go in, orders come out.
///
/// waiting → calling → waiting: with firings at once again, else at the time of the next slot, at a hint, or after a while.
struct ScheduleMachine: Sendable {
  typealias Instant = WorkerClock.Instant

  /// What is to be asked of the store.
  enum Call: Sendable {
    case declare([(name: String, definition: ScheduleDefinition)])
    case fire([ScheduleFiring], look: Int)
  }

  struct Order: Sendable {
    let number: UInt64
    let call: Call
    let limit: Duration
  }

  enum Answer: Sendable {
    case declared
    case looked(ScheduleLook)
    case failed(TaskQueueError)
  }

  /// Schedules of one look.
  static let batch = 500
  /// Between two looks that nothing asks for: wake-ups may be off or lost. Without a schedule there is less to be missed.
  private static let pollInterval: Duration = .seconds(10)
  private static let emptyPollInterval: Duration = .seconds(60)

  private let callLimit: Duration
  private var generator: SeededGenerator
  private var declarations: [(name: String, definition: ScheduleDefinition)]
  private var firings: [ScheduleFiring] = []
  private var underWay: (number: UInt64, until: Instant)?
  private var lastNumber: UInt64 = 0
  private var nextAt: Instant
  private var hasHint = false
  private var failures = BackoffInterval(minimum: .milliseconds(50), maximum: .seconds(5))
  /// Other workers do the same, and are faster.
  private var defeats = BackoffInterval(minimum: .milliseconds(1), maximum: .milliseconds(100))
  private(set) var events: [EngineEvent] = []

  init(
    _ declarations: [(name: String, definition: ScheduleDefinition)],
    callLimit: Duration,
    seed: UInt64,
    at now: Instant
  ) {
    self.declarations = declarations
    self.callLimit = callLimit
    generator = SeededGenerator(seed: seed)
    nextAt = now
  }

  /// - Returns: the call to be made now, and when the machine is to be asked again at the latest.
  mutating func advance(at now: Instant) -> (order: Order?, wakeAt: Instant) {
    if let call = underWay {
      guard now >= call.until else { return (nil, call.until) }
      underWay = nil
      fail("No answer came in time.", at: now)
    }
    if hasHint, failures.current == failures.minimum { nextAt = min(nextAt, now) }
    guard now >= nextAt else { return (nil, nextAt) }
    hasHint = false
    lastNumber += 1
    // The store ends its calls itself; what it does not end is given up a little later.
    let until = now.advanced(by: callLimit + .seconds(1))
    underWay = (lastNumber, until)
    let call: Call = declarations.isEmpty ? .fire(firings, look: Self.batch) : .declare(declarations)
    if declarations.isEmpty { firings = [] }
    return (Order(number: lastNumber, call: call, limit: callLimit), until)
  }

  /// A schedule may have changed.
  mutating func hint() { hasHint = true }

  mutating func end(_ order: Order, _ answer: Answer, at now: Instant) {
    guard underWay?.number == order.number else { return }
    underWay = nil
    switch answer {
    case .failed(let error): fail("\(error)", at: now)
    case .declared:
      failures.reset()
      declarations = []
      nextAt = now
    case .looked(let look):
      failures.reset()
      var firedCount = 0
      if case .fire(let fired, _) = order.call { firedCount = fired.count }
      note(look, afterFiring: firedCount, at: now)
    }
  }

  mutating func takeEvents() -> [EngineEvent] {
    defer { events = [] }
    return events
  }

  private mutating func note(_ look: ScheduleLook, afterFiring count: Int, at now: Instant) {
    firings = SchedulePlanner.firings(of: look.due, at: look.storeTime)
    for firing in firings {
      if let problem = firing.problem { events.append(.scheduleBroken(name: firing.name, problem: problem)) }
    }
    if count > 0, look.firedCount == 0, !firings.isEmpty {
      // Who is faster now may be slower next time: what is left is looked at anew.
      firings = []
      nextAt = now.advanced(by: defeats.next(using: &generator))
    } else if !firings.isEmpty {
      nextAt = now
    } else {
      defeats.reset()
      let poll = look.hasAny ? Self.pollInterval : Self.emptyPollInterval
      let jittered = poll * (0.75 + 0.25 * Double.random(in: 0..<1, using: &generator))
      nextAt = now.advanced(by: max(.zero, min(look.nextDueIn ?? jittered, jittered)))
    }
    if look.firedCount > 0 { defeats.reset() }
  }

  private mutating func fail(_ error: String, at now: Instant) {
    firings = []
    let wait = failures.next(using: &generator)
    nextAt = now.advanced(by: wait)
    events.append(.schedulesFailed(error, retryIn: wait))
  }
}
