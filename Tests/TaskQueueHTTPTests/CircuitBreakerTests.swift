import SeededRandom
import TaskQueueHTTP
import Testing

@Suite("The breaker before a service")
struct CircuitBreakerTests {
  private let start = ContinuousClock.now
  private var generator = SeededGenerator(seed: 1)
  private var breaker = CircuitBreaker(.init(limit: 4))

  private func at(_ seconds: Double) -> ContinuousClock.Instant { start + .seconds(seconds) }

  private mutating func begin(_ seconds: Double = 0) -> CircuitBreaker.Ticket? {
    if case .admitted(let ticket) = breaker.begin(at: at(seconds), using: &generator) { ticket } else { nil }
  }

  private mutating func refusal(_ seconds: Double = 0) -> Duration? {
    if case .refused(_, let wait) = breaker.begin(at: at(seconds), using: &generator) { wait } else { nil }
  }

  @discardableResult
  private mutating func call(_ verdict: CircuitBreaker.Verdict, _ seconds: Double = 0) throws -> Duration? {
    let ticket = try #require(begin(seconds))
    return breaker.end(ticket, verdict, at: at(seconds), using: &generator)
  }

  @Test("As many calls as the limit says are under way, and one more only when one has ended")
  mutating func limit() throws {
    let tickets = try (1...4).map { _ in try #require(begin()) }
    #expect(breaker.underWay == 4)
    #expect(refusal() == .milliseconds(100))
    #expect(refusal() == .milliseconds(110), "each comes back at a time of its own")
    #expect(breaker.state == .closed)
    _ = breaker.end(tickets[0], .works, at: at(0), using: &generator)
    #expect(begin() != nil)
  }

  @Test("Failures in a row open it; then one call every few seconds goes through, and the first that works closes it")
  mutating func opens() throws {
    for count in 1...7 {
      let wait = try call(.fails)
      #expect((wait == nil) == (count < 3), "the first may be the call's own fault")
      #expect(breaker.state == .closed)
    }
    let wait = try #require(try call(.fails))
    #expect(breaker.state == .open)
    #expect(wait >= .seconds(1.5) && wait <= .seconds(2.5))
    #expect(begin(1) == nil)
    let probe = try #require(begin(3))
    #expect(breaker.state == .halfOpen)
    #expect(begin(3) == nil, "one at a time")
    #expect(breaker.end(probe, .fails, at: at(3.1), using: &generator) != nil)
    #expect(breaker.state == .open)
    try call(.works, 6)
    #expect(breaker.state == .closed)
    for _ in 1...4 { #expect(begin(6) != nil) }
  }

  @Test("A success in between begins the count anew, but most calls failing opens it, too")
  mutating func rate() throws {
    for _ in 1...50 {
      for _ in 1...2 { try call(.fails) }
      try call(.works)
    }
    #expect(breaker.state == .closed, "two of three may fail, however many there were")
    for _ in 1...8 where breaker.state == .closed {
      for _ in 1...7 where breaker.state == .closed { try call(.fails) }
      if breaker.state == .closed { try call(.works) }
    }
    #expect(breaker.state == .open)
  }

  @Test("A service that asks for patience gets it, and no call before")
  mutating func patience() throws {
    try call(.patience(.seconds(30)))
    #expect(breaker.state == .open)
    #expect(begin(29.9) == nil)
    try call(.works, 30)
    #expect(breaker.state == .closed)
    try call(.patience(.seconds(3600)), 31)
    #expect(begin(60.9) == nil)
    #expect(begin(61) != nil, "one answer is not to close it for an hour")
  }

  @Test("Processes that saw the same failures ask again at times of their own")
  mutating func jitter() throws {
    var waits: Set<Duration> = []
    for _ in 1...10 {
      breaker = CircuitBreaker(.init(limit: 4))
      for _ in 1...7 { try call(.fails) }
      waits.insert(try #require(try call(.fails)))
    }
    #expect(waits.count == 10)
  }

  @Test("Calls from before it opened or closed say nothing about now")
  mutating func stale() throws {
    let old = try #require(begin())
    for _ in 1...8 { try call(.fails) }
    _ = breaker.end(old, .works, at: at(1), using: &generator)
    #expect(breaker.state == .open)
    let (first, second) = (try #require(begin(3)), try #require(begin(6)))
    #expect(begin(9) == nil, "probes that hang don't add up")
    _ = breaker.end(first, .works, at: at(10), using: &generator)
    #expect(breaker.state == .closed)
    for _ in 1...7 { try call(.fails, 11) }
    #expect(breaker.end(second, .fails, at: at(11), using: &generator) != nil)
    #expect(breaker.state == .closed, "seven in a row, and an old one")
    #expect(breaker.underWay == 0)
  }

  @Test("Ten thousand who are refused come back at a hundred a second")
  mutating func spread() throws {
    for _ in 1...8 { try call(.fails) }
    let waits = (1...10_000).compactMap { _ in refusal() }
    #expect(Set(waits).count == 10_000)
    #expect(waits.min().map { $0 > .seconds(1) } == true)
    #expect(waits.max().map { $0 > .seconds(100) && $0 < .seconds(105) } == true)
    for _ in 1...100_000 { _ = refusal() }
    #expect(refusal() == .seconds(900))
  }
}
