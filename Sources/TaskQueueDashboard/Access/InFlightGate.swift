import Synchronization

/// Bounds how many pages are made at the same time, so that a flood of requests takes neither the app's memory nor its connections.
final class InFlightGate: Sendable {
  private let limit: Int
  private let count = Mutex(0)

  init(limit: Int) { self.limit = limit }

  /// - Throws: ``Refusal/busy`` if as many are under way as may be; what `body` throws.
  func pass<Value>(_ body: () async throws -> Value) async throws -> Value {
    let isFree = count.withLock { count in
      guard count < limit else { return false }
      count += 1
      return true
    }
    guard isFree else { throw Refusal.busy }
    defer { count.withLock { $0 -= 1 } }
    return try await body()
  }
}
