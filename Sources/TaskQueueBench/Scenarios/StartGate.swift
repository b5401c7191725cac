import Foundation

/// Lets threads start together.
final class StartGate: Sendable {
  // Safety: `missing` and `start` are only touched while the condition's lock is held.
  private let condition = NSCondition()
  nonisolated(unsafe) private var missing: Int
  nonisolated(unsafe) private var start = ContinuousClock.now

  init(_ threads: Int) { missing = threads }

  /// Blocks until all threads are here.
  func wait() {
    condition.lock()
    defer { condition.unlock() }
    missing -= 1
    if missing == 0 {
      start = .now
      condition.broadcast()
    }
    while missing > 0 { condition.wait() }
  }

  var secondsSinceStart: Double {
    condition.lock()
    defer { condition.unlock() }
    return start.duration(to: .now) / .seconds(1)
  }
}
