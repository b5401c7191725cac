import HTTPTypes
import Synchronization
import TaskQueueHTTP
import Testing

@Suite("Requests per second")
struct RateLimiterTests {
  private final class Time: Sendable {
    private let state = Mutex(ContinuousClock.now)
    var now: ContinuousClock.Instant { state.withLock { $0 } }
    func pass(_ time: Duration) { state.withLock { $0 += time } }
  }

  private let time = Time()

  private func limiter(_ limit: RateLimit) -> RateLimiter { RateLimiter(limit, clock: { [time] in time.now }) }

  /// The seconds to wait; nil: it is let in.
  private func wait(_ limiter: RateLimiter, _ name: String, _ count: Int = 1) -> String? {
    do throws(ProblemError) {
      try limiter.admit(name, count)
      return nil
    } catch {
      #expect(error.kind == .tooManyRequests)
      return error.fields[.retryAfter]
    }
  }

  @Test("A bucket fills again with time, and there are never too many of them")
  func buckets() {
    let limiter = limiter(RateLimit(perSecond: 2, burst: 2))
    func isAdmitted(_ name: String) -> Bool { wait(limiter, name) == nil }
    #expect([isAdmitted("a"), isAdmitted("a"), isAdmitted("a"), isAdmitted("b")] == [true, true, false, true])
    time.pass(.milliseconds(500))
    #expect([isAdmitted("a"), isAdmitted("a")] == [true, false])
    for number in 0..<(3 * RateLimiter.maxBuckets) { _ = isAdmitted("\(number)") }
    #expect(limiter.bucketCount <= RateLimiter.maxBuckets + 1)
    #expect(!isAdmitted("one more"), "shares the bucket of those for whom there is no room")
    time.pass(.seconds(2))
    #expect(isAdmitted("one more"))
    #expect(limiter.bucketCount <= 2, "full ones are forgotten")
  }

  @Test("What counts for many is let in by one token, and the rest is owed")
  func batches() {
    let limiter = limiter(RateLimit(perSecond: 2))
    #expect(limiter.limit.burst == 4)
    #expect(wait(limiter, "a", 10) == nil)
    #expect(wait(limiter, "a", 10) == "4", "six are owed, and one is needed")
    #expect(wait(limiter, "a", 0) == nil)
    time.pass(.seconds(3.5))
    #expect(wait(limiter, "a") == nil)
  }

  @Test("A slow rate has at least one token, and a wait that can be written")
  func slow() {
    let limiter = limiter(RateLimit(perSecond: 0.01))
    #expect([wait(limiter, "a"), wait(limiter, "a")] == [nil, "100"])
    let never = self.limiter(RateLimit(perSecond: .leastNonzeroMagnitude))
    #expect([wait(never, "a"), wait(never, "a")] == [nil, "\(Int.max)"])
  }

  @Test("An address of IPv6 counts by its network, one of IPv4 by itself, however it is written")
  func addresses() {
    func name(_ address: String?) -> String { RateLimiter.name(ipAddress: address) }
    #expect(name("2001:db8:1:2::1") == name("2001:db8:1:2:ffff::9"))
    let addresses = [
      "2001:db8:1:2::1", "2001:db8:1:3::1", "10.0.0.1", "10.0.0.2", "::ffff:10.0.0.1", "::ffff:10.0.0.2", nil,
    ]
    #expect(Set(addresses.map(name)).count == addresses.count)
  }
}
