/// Decides whether somebody else's service is called now: a plain value without a clock, a lock or a timer of its own.
///
/// *Closed*: calls are let through, as many at a time as the limit says. It opens after failures in a row, after too many of the last
/// calls, or when the service asks to be left alone. *Open*: one call every few seconds is let through, the probe. The first probe that
/// works closes it. Whoever is refused is told when to come back, each at another time, so that those who wait don't come all at
/// once, however many they are.
///
/// Nobody waits in it: a handler that is refused gives its place to another task, and comes back when it is told to.
///
/// ```swift
/// let breaker = Mutex(CircuitBreaker(.init(limit: 16)))     // one for each service and process
///
/// func begin() throws -> CircuitBreaker.Ticket {
///   var generator = SystemRandomNumberGenerator()
///   switch breaker.withLock({ $0.begin(at: .now, using: &generator) }) {
///   case .admitted(let ticket): return ticket
///   case .refused(_, let wait): throw RetryAfter(wait, because: BankLeftAlone())
///   }
/// }
/// ```
///
/// It knows one process: each has its own, and each finds out by itself. Memory and a call's cost are bounded by ``Settings/window``.
public struct CircuitBreaker: Sendable {
  public typealias Instant = ContinuousClock.Instant

  /// When it opens, and how those wait who are refused.
  public struct Settings: Sendable {
    /// Calls under way at one time, so that a service that hangs holds no more workers than these. At least 1. Probes count too, but aren't
    /// refused for it.
    public var limit: Int
    /// Failures in a row that open it; at least 1.
    public var failuresInRow: Int
    /// Failures in a row from which on it is rather the service than the one call that fails: from then on ``CircuitBreaker/end(_:_:at:using:)``
    /// says when to come back, while it is closed yet.
    public var suspiciousInRow: Int
    /// Of how many of the last calls the failures are counted; 0: of none.
    public var window: Int
    /// Failures among those that open it. More than ``window``: only those in a row do.
    public var failuresInWindow: Int
    /// Between two probes; a quarter more or less, by chance, so that processes don't ask at the same time.
    public var probePeriod: Duration
    /// Probes under way at one time: a service that hangs is not to hold everything by them. At least 1.
    public var maxProbes: Int
    /// The shortest time before one comes back who was refused.
    public var pause: Duration
    /// Between two who come back: 10 ms let a hundred a second come.
    public var spacing: Duration
    /// The longest that it is left alone for without a probe, whatever it asks for: one answer is not to close it for long.
    public var longestPatience: Duration
    /// The longest that anybody is sent away for.
    public var longestWait: Duration

    /// - Parameters:
    ///   - failuresInRow: 8 by default.
    ///   - suspiciousInRow: 3 by default.
    ///   - window: 40 calls by default, of which `failuresInWindow` are 30.
    ///   - probePeriod: 2 s by default.
    ///   - maxProbes: 2 by default.
    ///   - pause: 100 ms by default.
    ///   - spacing: 10 ms by default.
    ///   - longestPatience: 30 s by default.
    ///   - longestWait: A quarter of an hour by default.
    public init(
      limit: Int,
      failuresInRow: Int = 8,
      suspiciousInRow: Int = 3,
      window: Int = 40,
      failuresInWindow: Int = 30,
      probePeriod: Duration = .seconds(2),
      maxProbes: Int = 2,
      pause: Duration = .milliseconds(100),
      spacing: Duration = .milliseconds(10),
      longestPatience: Duration = .seconds(30),
      longestWait: Duration = .seconds(900)
    ) {
      self.limit = limit
      self.failuresInRow = failuresInRow
      self.suspiciousInRow = suspiciousInRow
      self.window = window
      self.failuresInWindow = failuresInWindow
      self.probePeriod = probePeriod
      self.maxProbes = maxProbes
      self.pause = pause
      self.spacing = spacing
      self.longestPatience = longestPatience
      self.longestWait = longestWait
    }
  }

  /// What it does with calls. The raw values are fit for a metric's label.
  public enum State: String, CaseIterable, Sendable {
    /// Lets calls through.
    case closed
    /// Lets a probe through when it is time for one.
    case open
    /// Open, with a probe under way.
    case halfOpen = "half-open"
  }

  /// One call that was let through: ``CircuitBreaker/end(_:_:at:using:)`` follows, once.
  public struct Ticket: Sendable {
    fileprivate var generation: Int
  }

  /// Whether a call is let through.
  public enum Admission: Sendable {
    case admitted(Ticket)
    /// By which state, ``State/closed`` if it is for the limit, and when to come back.
    case refused(State, retryAfter: Duration)
  }

  /// What a call says about the service.
  public enum Verdict: Equatable, Sendable {
    /// It answers, be it with a refusal.
    case works
    /// It doesn't answer, or with an error of its own: a time-out, 500, 503.
    case fails
    /// It asks not to be called for so long, as by 429 with `Retry-After`.
    case patience(Duration)
    /// Nothing: the call was given up on our side.
    case nothing
  }

  public let settings: Settings
  /// One more with each opening and closing: a call that began before says nothing about now.
  private var generation = 0
  /// nil: closed.
  private var nextProbe: Instant?
  /// Calls that were let through and haven't ended.
  public private(set) var underWay = 0
  private var probes = 0
  private var failuresInRow = 0
  /// Whether each of the last calls failed.
  private var last: [Bool] = []
  /// When the last one who was refused comes back.
  private var lastReturn: Instant?

  /// Closed.
  ///
  /// - Precondition: The settings' `limit` and `maxProbes` are at least 1, or it never let anything through.
  public init(_ settings: Settings) {
    precondition(settings.limit > 0 && settings.maxProbes > 0, "a limit is at least 1")
    self.settings = settings
  }

  /// What it does with calls now.
  public var state: State { nextProbe == nil ? .closed : probes == 0 ? .open : .halfOpen }

  /// Asks for a call.
  ///
  /// - Parameter now: Not before that of an earlier call.
  public mutating func begin(at now: Instant, using generator: inout some RandomNumberGenerator) -> Admission {
    if let nextProbe {
      guard now >= nextProbe, probes < settings.maxProbes else {
        let earliest = max(nextProbe, now + settings.pause)
        return .refused(state, retryAfter: wait(until: earliest, now))
      }
      self.nextProbe = now + period(using: &generator)
      probes += 1
    } else if underWay >= settings.limit {
      return .refused(state, retryAfter: wait(until: now + settings.pause, now))
    }
    underWay += 1
    return .admitted(Ticket(generation: generation))
  }

  /// Ends a call that was let through. If it began before the breaker last opened or closed, its verdict changes nothing: it says nothing about
  /// now.
  ///
  /// - Returns: After which time whoever made the call may try again, if the service fails and not just this call; nil: as long as retries of
  ///   that one call wait. The wait for a service isn't to grow with each attempt, as that for a call which fails by itself does.
  public mutating func end(
    _ ticket: Ticket,
    _ verdict: Verdict,
    at now: Instant,
    using generator: inout some RandomNumberGenerator
  ) -> Duration? {
    underWay -= 1
    if ticket.generation == generation {
      if nextProbe != nil { probes -= 1 }
      switch verdict {
      case .nothing: break
      // One answer is not to close it for long: after that a probe asks again.
      case .patience(let time): open(until: now + min(time, settings.longestPatience))
      case .works:
        if nextProbe != nil { close() } else { note(failed: false) }
      case .fails:
        if nextProbe == nil { note(failed: true) }
        if isTooMuch { open(until: now + period(using: &generator)) }
      }
    }
    guard verdict == .fails else { return nil }
    if let nextProbe { return wait(until: max(nextProbe, now + settings.pause), now) }
    guard failuresInRow >= settings.suspiciousInRow else { return nil }
    return wait(until: now + period(using: &generator) * failuresInRow, now)
  }

  private var isTooMuch: Bool {
    failuresInRow >= settings.failuresInRow || last.count { $0 } >= settings.failuresInWindow
  }

  private mutating func note(failed: Bool) {
    failuresInRow = failed ? failuresInRow + 1 : 0
    last.append(failed)
    if last.count > settings.window { last.removeFirst() }
  }

  /// The probes of before say nothing any more: there may be others.
  private mutating func open(until probe: Instant) {
    reset()
    nextProbe = probe
  }

  private mutating func close() {
    reset()
    nextProbe = nil
  }

  private mutating func reset() {
    generation += 1
    (probes, failuresInRow, last, lastReturn) = (0, 0, [], nil)
  }

  /// Everybody who is refused gets a time of their own.
  private mutating func wait(until earliest: Instant, _ now: Instant) -> Duration {
    let free = lastReturn.map { $0 + settings.spacing } ?? earliest
    let next = min(max(earliest, free), now + settings.longestWait)
    lastReturn = next
    return next - now
  }

  private func period(using generator: inout some RandomNumberGenerator) -> Duration {
    settings.probePeriod * Double.random(in: 0.75...1.25, using: &generator)
  }
}
