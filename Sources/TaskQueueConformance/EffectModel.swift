import Synchronization
@_spi(Store) import TaskQueue

/// The provider of a model run, who knows no idempotency, and the time.
struct EffectModel {
  static let callLimit: Duration = .seconds(30)
  /// A request arrives at the latest that long after its intent: the store's real clock goes on during a run.
  static let latestArrival: Duration = .seconds(20)

  /// A request that arrives after its sender has given up.
  struct Delayed {
    var key: IdempotencyKey
    var arrivesAt: Duration
  }

  private(set) var executions: [IdempotencyKey: Int] = [:]
  private(set) var delayed: [Delayed] = []
  private(set) var now: Duration = .zero

  mutating func execute(_ key: IdempotencyKey) { executions[key, default: 0] += 1 }

  mutating func delay(_ key: IdempotencyKey, until arrival: Duration) {
    delayed.append(.init(key: key, arrivesAt: arrival))
  }

  mutating func advance(by duration: Duration) {
    now += duration
    for request in delayed where request.arrivesAt <= now { execute(request.key) }
    delayed.removeAll { $0.arrivesAt <= now }
  }

  func knows(_ key: IdempotencyKey) -> Bool { executions[key] != nil }

  var worst: Int { executions.values.max() ?? 0 }
}

/// A clock that stands still until it is moved; sleeping lasts until cancelled.
final class ModelClock: Clock {
  typealias Instant = ContinuousClock.Instant

  private let offset = Mutex(Duration.zero)
  private let start = ContinuousClock.now

  var now: Instant { start + offset.withLock { $0 } }
  var minimumResolution: Duration { .nanoseconds(1) }

  func advance(by duration: Duration) { offset.withLock { $0 += duration } }

  func sleep(until deadline: Instant, tolerance: Duration?) async throws { try await Task.sleep(for: .seconds(86_400)) }
}
