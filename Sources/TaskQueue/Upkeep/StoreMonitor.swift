public import ServiceLifecycle

/// Tells the metrics of a store's connections (`taskqueue_pool_…`) in a process that has no ``TaskWorker``: workers tell them themselves.
/// Asks nothing of the database.
public final class StoreMonitor: Service {
  private let store: any StoreContract
  private let interval: Duration
  private let clock: any Clock<Duration>

  /// - Parameter interval: between two samples; 1 second. Above zero.
  /// - Throws: `invalidOption`.
  public init(
    store: any TaskStore,
    interval: Duration = .seconds(1),
    clock: any Clock<Duration> = ContinuousClock()
  ) throws(TaskQueueError) {
    guard interval > .zero else { throw .invalidOption("A store monitor's interval must be above zero.") }
    self.store = store.contract
    self.interval = interval
    self.clock = clock
  }

  /// Samples until shut down or cancelled.
  public func run() async throws {
    await cancelWhenGracefulShutdown {
      while !Task.isCancelled {
        (self.store as? any MeasuredStore)?.measure()
        try? await self.clock.sleep(for: self.interval)
      }
    }
  }
}
