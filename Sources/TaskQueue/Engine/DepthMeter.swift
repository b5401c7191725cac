#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Measures how long the queues are, if it is this worker's turn: that of the one that has run longest of those that the store knows, so that one
/// does it for all. The counts are bounded, whatever the tables hold. Nothing depends on it, so what fails is tried again in silence.
struct DepthMeter: Sendable {
  typealias MeasurableStore = OperatingStore & WorkerStore

  let store: any MeasurableStore
  let worker: UUID
  let interval: Duration
  let clock: WorkerClock
  private let metrics = DepthMetrics()

  init(store: any MeasurableStore, worker: UUID, interval: Duration, clock: WorkerClock) {
    self.store = store
    self.worker = worker
    self.interval = interval
    self.clock = clock
  }

  /// Measures until it is cancelled, with a pause of the interval behind each look. Then the gauges go back to 0.
  func run() async {
    // Not before this worker can be known to the store.
    var pause = min(interval, .seconds(1))
    while (try? await clock.sleep(until: clock.now.advanced(by: pause), tolerance: nil)) != nil {
      await measure()
      pause = interval
    }
    metrics.record(nil)
  }

  private func measure() async {
    do throws(TaskQueueError) {
      let overview = try await isOurs() ? try await store.overview() : nil
      if !Task.isCancelled { metrics.record(overview) }
    } catch {}
  }

  private func isOurs() async throws(TaskQueueError) -> Bool {
    let oldest = try await store.workers().min { ($0.startedAt, $0.id.uuidString) < ($1.startedAt, $1.id.uuidString) }
    return oldest?.id == worker
  }
}
