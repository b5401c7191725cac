import HTTPTypes
import Synchronization

/// How many requests one sender may send.
public struct RateLimit: Equatable, Sendable {
  /// In the long run; above 0.
  public let perSecond: Double
  /// At once, after a pause; at least 1.
  public let burst: Double

  /// - Parameters:
  ///   - perSecond: Below 1 for fewer: `0.1` is one in ten seconds.
  ///   - burst: nil: of two seconds. Less than 1 is 1.
  /// - Precondition: `perSecond` is above 0.
  public init(perSecond: Double, burst: Double? = nil) {
    precondition(perSecond > 0, "a rate is above 0")
    self.perSecond = perSecond
    self.burst = max(1, burst ?? 2 * perSecond)
  }
}

/// A token bucket for each sender: refuses requests of those who send more than the limit, and of nobody else.
///
/// ```swift
/// let callers = RateLimiter(RateLimit(perSecond: 200))
/// let addresses = RateLimiter(RateLimit(perSecond: 50))
/// try callers.admit(caller.name)                                    // who has a key
/// try addresses.admit(RateLimiter.name(ipAddress: "2001:db8::1"))   // who has none
/// ```
///
/// In the memory of the process: n processes let n times as many pass. Bounded: when there are ``maxBuckets``, those that are full are forgotten,
/// which changes nothing for them, and while none is, new names share one. A request costs a look into a dictionary under a lock; once a second
/// at most, with that many buckets, one looks at all of them.
public final class RateLimiter: Sendable {
  /// Of names that are counted apart.
  public static let maxBuckets = 10_000
  /// Between two looks for full ones.
  static let sweepInterval = Duration.seconds(1)

  private struct Bucket {
    var tokens: Double
    var at: ContinuousClock.Instant
  }

  private struct State {
    var buckets: [String: Bucket] = [:]
    var sweptAt: ContinuousClock.Instant?
  }

  /// Of each name.
  public let limit: RateLimit
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  /// - Parameter clock: What the rate is measured by.
  public init(_ limit: RateLimit, clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.limit = limit
    self.clock = clock
  }

  /// How many buckets there are now: ``maxBuckets`` and the shared one at most.
  public var bucketCount: Int { state.withLock { $0.buckets.count } }

  /// Takes so many tokens from the name's bucket, if there is one: what is missing of the others is owed by the name's next requests.
  ///
  /// - Parameters:
  ///   - name: The sender's, as your authentication or the connection tells it, never as the request merely says. Not empty, which names the
  ///     shared bucket.
  ///   - count: How many requests this one counts for, as a batch does. Below 1 it takes nothing and passes.
  /// - Throws: `too-many-requests` with the seconds until there is a token as `Retry-After`. What is refused takes none.
  public func admit(_ name: String, _ count: Int = 1) throws(ProblemError) {
    guard count > 0 else { return }
    let now = clock()
    let missing = state.withLock { state in
      let name = self.name(name, &state, now)
      var bucket = state.buckets[name] ?? Bucket(tokens: limit.burst, at: now)
      bucket = Bucket(tokens: tokens(bucket, now), at: now)
      let missing = max(0, 1 - bucket.tokens)
      if missing == 0 { bucket.tokens -= Double(count) }
      state.buckets[name] = bucket
      return missing
    }
    guard missing > 0 else { return }
    var error = ProblemError(.tooManyRequests, "At most \(limit.perSecond) requests per second in the long run.")
    error.fields[.retryAfter] = String(Int(exactly: (missing / limit.perSecond).rounded(.up)) ?? .max)
    throw error
  }

  private func tokens(_ bucket: Bucket, _ now: ContinuousClock.Instant) -> Double {
    min(limit.burst, bucket.tokens + (now - bucket.at) / .seconds(1) * limit.perSecond)
  }

  /// The name, or the one that is shared by those for whom there is no room.
  private func name(_ name: String, _ state: inout State, _ now: ContinuousClock.Instant) -> String {
    guard state.buckets[name] == nil, state.buckets.count >= Self.maxBuckets else { return name }
    if state.sweptAt.map({ now - $0 >= Self.sweepInterval }) ?? true {
      state.sweptAt = now
      state.buckets = state.buckets.filter { tokens($0.value, now) < limit.burst }
    }
    return state.buckets.count < Self.maxBuckets ? name : ""
  }
}

extension RateLimiter {
  /// What an address is counted by: one of IPv6 by its network of 64 bits, since whoever has one has all of it.
  ///
  /// Of a connection's other end. Behind a proxy all have the proxy's address: let that limit, or give the one that it vouches for.
  ///
  /// - Parameter ipAddress: Without a port and brackets. nil: it isn't known; all of those share a bucket.
  public static func name(ipAddress: String?) -> String {
    guard let ipAddress else { return "none" }
    guard let bytes = IPAddress.bytes(ipAddress), bytes.count == 16 else { return ipAddress }
    // An address of IPv4 in the form of IPv6 counts by itself.
    let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    return bytes.prefix(isMapped ? 16 : 8).map { String($0, radix: 16) }.joined(separator: ":")
  }
}
