import Libpq
import Synchronization
@_spi(Store) public import TaskQueue

@_spi(Store) extension PostgresTaskStore: MeasuredStore {
  public func measure() {
    let metrics = poolMetrics.withLock { metrics in
      let made = metrics ?? (PoolMetrics(pool: "app"), PoolMetrics(pool: "engine"))
      metrics = made
      return made
    }
    metrics.app.record(pool.counts)
    metrics.engine.record(enginePool.counts)
  }
}

extension PoolMetrics {
  fileprivate func record(_ counts: LibpqPoolStatistics) {
    record(
      idle: counts.idle,
      lent: counts.lent,
      waiting: counts.waiting,
      waits: counts.waits,
      waitTime: counts.waitTime,
      timeouts: counts.acquireTimeouts
    )
  }
}
