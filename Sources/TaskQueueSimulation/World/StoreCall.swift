import SeededRandom
@_spi(Store) import TaskQueue

/// A call of the store under way, and what becomes of it.
final class StoreCall {
  enum Fate {
    /// Done after the one time, and answered after the other.
    case answered(effectAfter: Duration, after: Duration)
    /// Fails; nil: without having been done.
    case fails(after: Duration, effectAfter: Duration?, StoreFailure)
    /// No answer ever comes.
    case isNeverAnswered(effectAfter: Duration?)

    var isBad: Bool { if case .answered(_, let after) = self { after > .milliseconds(300) } else { true } }

    /// How long a machine waits for it.
    func waitedFor(limit: Duration) -> Duration {
      let expiry = limit + min(limit, .seconds(1))
      return switch self {
      case .answered(_, let after), .fails(let after, _, _): min(after, expiry)
      case .isNeverAnswered: expiry
      }
    }

    var effectAfter: Duration? {
      switch self {
      case .answered(let effect, _): effect
      case .fails(_, let effect, _), .isNeverAnswered(let effect): effect
      }
    }
  }

  let order: CallOrder
  let process: SimulatedProcess
  let orderedAt: Instant
  let fate: Fate
  var ticket: CallTicket?
  var answer: CallAnswer?
  /// It looks at everything, and keeps others from doing so.
  var holdsLook = false

  init(_ order: CallOrder, _ ticket: consuming CallTicket, of process: SimulatedProcess, at now: Instant, _ fate: Fate)
  {
    self.order = order
    self.ticket = consume ticket
    self.process = process
    self.fate = fate
    orderedAt = now
  }

  var settlements: [Settlement] { if case .exchange(let settlements, _) = order.call { settlements } else { [] } }
  var claim: ClaimRequest? { if case .exchange(_, let claim) = order.call { claim } else { nil } }

  /// Nobody waits for the answer any more.
  func drop() {
    if let ticket = ticket.take() { ticket.redeem() }
  }
}

extension StoreCall.Fate {
  /// What becomes of a call.
  static func draw(
    limit: Duration,
    conditions: StoreConditions,
    isPartitioned: Bool,
    looks: Duration,
    using generator: inout SeededGenerator
  ) -> StoreCall.Fate {
    let way = conditions.network + .microseconds(Int.random(in: 50...1_500, using: &generator))
    let work = looks + .microseconds(Int.random(in: 50...3_000, using: &generator))
    let (effect, after) = (way + work, way + work + way)
    if isPartitioned || conditions.hangs > 0 {
      // The store, or the connection's own timer, may or may not say so at the limit.
      return .random(using: &generator)
        ? .isNeverAnswered(effectAfter: nil) : .fails(after: limit, effectAfter: nil, .connection)
    }
    if let failure = conditions.failure {
      return .fails(after: way, effectAfter: nil, failure)
    }
    guard Double.random(in: 0..<1, using: &generator) < conditions.flakiness else {
      return .answered(effectAfter: effect, after: after)
    }
    let isDone = Bool.random(using: &generator)
    let failure = StoreFailure.allCases.randomElement(using: &generator) ?? .connection
    switch Int.random(in: 0..<6, using: &generator) {
    case 0: return .fails(after: after, effectAfter: nil, failure)
    case 1: return .fails(after: after, effectAfter: effect, .connection)
    case 2: return .fails(after: limit, effectAfter: isDone ? limit / 2 : nil, .timeout)
    case 3: return .isNeverAnswered(effectAfter: isDone ? effect : nil)
    case 4:
      let late = limit + .milliseconds(Int.random(in: 500...15_000, using: &generator))
      return .answered(effectAfter: isDone ? effect : late - .milliseconds(1), after: late)
    default:
      let slow = limit * Double.random(in: 0...0.9, using: &generator)
      return .answered(effectAfter: effect + slow, after: after + slow)
    }
  }
}

/// How the store is, for everybody.
struct StoreConditions {
  var failures: [StoreFailure] = []
  var hangs = 0
  /// Of each flaky time under way: how likely a call goes wrong.
  var probabilities: [Double] = []
  var network: Duration = .zero

  var failure: StoreFailure? { failures.last }
  var flakiness: Double { probabilities.reduce(0, +) }
  var isCalm: Bool { failures.isEmpty && hangs == 0 && probabilities.isEmpty }
}
