import SeededRandom

/// A place where an attempt can crash: what it does there, and for the how many-th time in a run.
struct FlowPoint: Hashable, Sendable, CustomStringConvertible {
  var text: String
  var occurrence: Int

  var description: String { occurrence == 1 ? text : "\(text) (time \(occurrence))" }
}

/// How an attempt crashes.
enum FlowCrash: Hashable, Sendable, CustomStringConvertible {
  /// Its process is gone.
  case dies
  /// Its process is gone, and the task was cancelled just before.
  case diesCancelled
  /// It stands still until its lease is over, and goes on once the next attempt has begun.
  case goesOnBesideNext
  /// It stands still until its lease is over, and goes on when the next attempt has ended.
  case goesOnAfterNext

  var isDeath: Bool { self == .dies || self == .diesCancelled }

  var description: String {
    switch self {
    case .dies: "the process dies"
    case .diesCancelled: "the task is cancelled, and the process dies"
    case .goesOnBesideNext: "the attempt stands still, loses its lease, and goes on beside the next one"
    case .goesOnAfterNext: "the attempt stands still, loses its lease, and goes on after the next one"
    }
  }
}

/// Which attempts of a run crash, and where.
struct FlowCrashPlan: Sendable {
  enum Kind: Sendable {
    case never
    case at(FlowPoint, FlowCrash)
    case random(likelihood: Double)
  }

  /// Crashes of one random run; so it has an end.
  private static var maxCrashes: Int { 12 }

  let kind: Kind
  let cancels: Bool
  private var left = FlowCrashPlan.maxCrashes
  private var hasCancelled = false
  var generator: SeededGenerator

  init(_ kind: Kind, cancels: Bool = false, generator: SeededGenerator = SeededGenerator(seed: 1)) {
    self.kind = kind
    self.cancels = cancels
    self.generator = generator
  }

  /// - Returns: nil: it goes on.
  mutating func decide(_ point: FlowPoint) -> FlowCrash? {
    guard left > 0 else { return nil }
    let crash: FlowCrash?
    switch kind {
    case .never: crash = nil
    case .at(let wanted, let chosen): crash = point == wanted ? chosen : nil
    case .random(let likelihood):
      crash = Double.random(in: 0..<1, using: &generator) < likelihood ? draw() : nil
    }
    if crash != nil { left -= 1 }
    return crash
  }

  private mutating func draw() -> FlowCrash {
    let chosen = [.dies, .dies, .goesOnBesideNext, .goesOnAfterNext].randomElement(using: &generator) ?? FlowCrash.dies
    guard cancels, !hasCancelled, chosen == .dies, Int.random(in: 0..<8, using: &generator) == 0 else { return chosen }
    hasCancelled = true
    return .diesCancelled
  }

  var text: String? { if case .at(let point, let crash) = kind { "\(point): \(crash)" } else { nil } }
}

/// How the events of a run come.
enum FlowEventTiming: Hashable, Sendable, CustomStringConvertible {
  case inTime
  /// All of them before the flow begins.
  case early
  /// Each of them once more, a second later.
  case twice
  case lost(String)
  /// At the very instant at which the wait for it ends; after the start of the run.
  case atTheEnd(String, Duration)
  /// A second after the wait for it has ended.
  case late(String, Duration)

  var description: String {
    switch self {
    case .inTime: "in time"
    case .early: "all before the flow begins"
    case .twice: "each twice"
    case .lost(let key): "\(key) is lost"
    case .atTheEnd(let key, _): "\(key) comes when the wait for it ends"
    case .late(let key, _): "\(key) comes after the wait for it has ended"
    }
  }

  /// When an event comes that is to come at `time`.
  func times(of key: String, _ time: Duration) -> [Duration] {
    switch self {
    case .inTime: [time]
    case .early: [.zero]
    case .twice: [time, time + .seconds(1)]
    case .lost(key): []
    case .atTheEnd(key, let end): [end]
    case .late(key, let end): [end + .seconds(1)]
    case .lost, .atTheEnd, .late: [time]
    }
  }
}
