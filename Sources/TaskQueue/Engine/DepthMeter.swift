import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Measures how long the queues are, if it is this worker's turn: that of the one that has run longest of those that the store knows, so that one
/// does it for all. The counts are bounded, whatever the tables hold. Nothing depends on it, so what fails is tried again in silence. It has no
/// timer of its own, the engine's loop asks it when it is to be asked again.
final class DepthMeter: Sendable {
  typealias MeasurableStore = OperatingStore & WorkerStore

  private struct State {
    var nextAt: WorkerClock.Instant
    var call: Task<Void, Never>?
  }

  private let store: any MeasurableStore
  private let worker: UUID
  private let interval: Duration
  private let clock: WorkerClock
  private let metrics = DepthMetrics()
  private let state: Mutex<State>

  init(store: any MeasurableStore, worker: UUID, interval: Duration, clock: WorkerClock) {
    self.store = store
    self.worker = worker
    self.interval = interval
    self.clock = clock
    // Not before this worker can be known to the store.
    state = Mutex(State(nextAt: clock.now.advanced(by: min(interval, .seconds(1)))))
  }

  /// Measures if it is time to. One at a time: a look that takes longer than the interval puts the next one off.
  ///
  /// - Returns: when to come again at the latest.
  func turn(at now: WorkerClock.Instant) -> WorkerClock.Instant {
    state.withLock { state in
      guard now >= state.nextAt else { return state.nextAt }
      state.nextAt = now.advanced(by: interval)
      if state.call == nil { state.call = Task { await self.measure() } }
      return state.nextAt
    }
  }

  /// The gauges go back to 0.
  func leave() {
    let call = state.withLock { $0.call.take() }
    call?.cancel()
    metrics.record(nil)
  }

  private func measure() async {
    do throws(TaskQueueError) {
      let overview = try await isOurs() ? try await store.overview() : nil
      if !Task.isCancelled { metrics.record(overview) }
    } catch {}
    state.withLock { $0.call = nil }
  }

  private func isOurs() async throws(TaskQueueError) -> Bool {
    let oldest = try await store.workers().min { ($0.startedAt, $0.id.uuidString) < ($1.startedAt, $1.id.uuidString) }
    return oldest?.id == worker
  }
}
