/// Decides whether a provider is called now: a plain value without a clock of its own.
///
/// *Closed*: calls are let through, as many at a time as the limit says. It opens after failures in a row, after too many of the last
/// calls, or when the provider asks to be left alone. *Open*: one call every few seconds is let through, the probe. The first probe that
/// works closes it. Whoever is refused is told when to come back, each at another time, so that those who wait don't come all at
/// once, however many they are.
public struct CircuitBreaker: Sendable {
  public typealias Instant = ContinuousClock.Instant

  public struct Settings: Sendable {
    /// Calls under way at one time.
    public var limit: Int
    /// Failures in a row that open it, and those from which on it is rather the provider than a payment that fails.
    public var failuresInRow: Int
    public var suspiciousInRow: Int
    public var window: Int
    public var failuresInWindow: Int
    public var probePeriod: Duration
    public var maxProbes: Int
    public var pause: Duration
    public var spacing: Duration
    public var longestPatience: Duration
    public var longestWait: Duration

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

  public enum State: String, CaseIterable, Sendable {
    case closed
    case open
    /// Open, with a probe under way.
    case halfOpen = "half-open"
  }

  /// One call that was let through.
  public struct Ticket: Sendable {
    fileprivate var generation: Int
  }

  public enum Admission: Sendable {
    case admitted(Ticket)
    case refused(State, retryAfter: Duration)
  }

  /// What a call says about the provider.
  public enum Verdict: Equatable, Sendable {
    /// It answers, be it with a refusal.
    case works
    case fails
    /// It asks not to be called for so long.
    case patience(Duration)
    /// Nothing: the call was given up on our side.
    case nothing
  }

  public let settings: Settings
  /// One more with each opening and closing: a call that began before says nothing about now.
  private var generation = 0
  /// nil: closed.
  private var nextProbe: Instant?
  public private(set) var underWay = 0
  private var probes = 0
  private var failuresInRow = 0
  /// Whether each of the last calls failed.
  private var last: [Bool] = []
  /// When the last one who was refused comes back.
  private var lastReturn: Instant?

  public init(_ settings: Settings) {
    precondition(settings.limit > 0 && settings.maxProbes > 0, "a limit is at least 1")
    self.settings = settings
  }

  public var state: State { nextProbe == nil ? .closed : probes == 0 ? .open : .halfOpen }

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

  /// - Returns: after which time whoever made the call may try again, if the provider fails and not just this call; the wait for a provider
  ///   isn't to grow as that for a payment does.
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
