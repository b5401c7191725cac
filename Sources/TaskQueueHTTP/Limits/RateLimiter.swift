import HTTPTypes
import Synchronization

/// How many requests one may send.
public struct RateLimit: Equatable, Sendable {
  /// In the long run; above 0.
  public let perSecond: Double
  /// At once, after a pause; at least 1.
  public let burst: Double

  /// - Parameter burst: nil: of two seconds.
  public init(perSecond: Double, burst: Double? = nil) {
    precondition(perSecond > 0, "a rate is above 0")
    self.perSecond = perSecond
    self.burst = max(1, burst ?? 2 * perSecond)
  }
}

/// A token bucket for each name. Bounded: when there are too many, those that are full are forgotten, which changes nothing
/// for them, and while none is, new names share one.
public final class RateLimiter: Sendable {
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

  public let limit: RateLimit
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  public init(_ limit: RateLimit, clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.limit = limit
    self.clock = clock
  }

  public var bucketCount: Int { state.withLock { $0.buckets.count } }

  /// Takes so many tokens from the name's bucket, if there is one: what is missing of the others is owed by the name's next requests.
  /// - Throws: `too-many-requests` with the seconds until there is one.
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
  public static func name(ipAddress: String?) -> String {
    guard let ipAddress else { return "none" }
    guard let bytes = IPAddress.bytes(ipAddress), bytes.count == 16 else { return ipAddress }
    // An address of IPv4 in the form of IPv6 counts by itself.
    let isMapped = bytes.prefix(10).allSatisfy { $0 == 0 } && bytes[10] == 0xFF && bytes[11] == 0xFF
    return bytes.prefix(isMapped ? 16 : 8).map { String($0, radix: 16) }.joined(separator: ":")
  }
}
