import Metrics
import Synchronization

/// The metrics of one of a store's pools. A store has one for each, so that what several workers of a process ask for is counted once.
@_spi(Store) public final class PoolMetrics: Sendable {
  private let waiting: Gauge
  private let idle: Gauge
  private let lent: Gauge
  private let waits: Counter
  private let waitSeconds: FloatingPointCounter
  private let timeouts: Counter
  /// What was told before.
  private let told = Mutex<(waits: Int, time: Duration, timeouts: Int)>((0, .zero, 0))

  /// - Parameter pool: its name, as a label.
  public init(pool: String) {
    waiting = MetricName.poolWaiting.gauge(pool)
    idle = MetricName.poolConnections.gauge(pool, "idle")
    lent = MetricName.poolConnections.gauge(pool, "lent")
    waits = MetricName.poolWaits.counter(pool)
    waitSeconds = MetricName.poolWaitSeconds.floatingPointCounter(pool)
    timeouts = MetricName.poolTimeouts.counter(pool)
  }

  /// - Parameters:
  ///   - waits: since the pool was made, as `waitTime` and `timeouts`.
  public func record(idle: Int, lent: Int, waiting: Int, waits: Int, waitTime: Duration, timeouts: Int) {
    self.idle.record(idle)
    self.lent.record(lent)
    self.waiting.record(waiting)
    let added = told.withLock { told in
      defer { told = (max(told.waits, waits), max(told.time, waitTime), max(told.timeouts, timeouts)) }
      return (waits - told.waits, waitTime - told.time, timeouts - told.timeouts)
    }
    if added.0 > 0 { self.waits.increment(by: added.0) }
    if added.1 > .zero { waitSeconds.increment(by: added.1 / .seconds(1)) }
    if added.2 > 0 { self.timeouts.increment(by: added.2) }
  }
}
