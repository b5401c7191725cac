import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What the core is given from outside: time and chance.
struct WorkerEnvironment: Sendable {
  /// For leases, timeouts and pauses.
  var clock = WorkerClock(ContinuousClock())
  /// For the error history.
  var wallClock: @Sendable () -> Date = { Date() }
  var random: @Sendable () -> UInt64 = { UInt64.random(in: 0...(.max)) }
  /// Of test kits; nil in every worker.
  var flowObserver: FlowObserver?

  var generator: Generator { Generator(random: random) }

  struct Generator: RandomNumberGenerator, Sendable {
    let random: @Sendable () -> UInt64
    func next() -> UInt64 { random() }
  }
}
