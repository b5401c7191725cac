public import TaskQueue

/// An empty store under test, and a way to move its clock.
public protocol StoreHarness: Sendable {
  var store: any TaskStore { get }

  /// Moves the store's clock forward: leases run out, delayed tasks become due, keys expire. A store with a real clock shifts
  /// its records into the past instead. Returns once every later call sees it.
  func advance(by duration: Duration) async throws
}
