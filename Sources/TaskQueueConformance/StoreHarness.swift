@_spi(Store) public import TaskQueue

/// An empty store under test, and a way to move its clock.
@_spi(Store) public protocol StoreHarness: Sendable {
  var store: any StoreContract { get }

  /// Moves the store's clock forward: leases run out, delayed tasks become due, keys expire. A store with a real clock shifts
  /// its records into the past instead. Returns once every later call sees it.
  func advance(by duration: Duration) async throws
}
