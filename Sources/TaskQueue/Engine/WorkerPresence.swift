import Synchronization

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Tells the store that this worker runs: at its start, every 30 s, when it begins to shut down, and at its end; and every 10 s what it did, and which attempts it has been running
/// for long, if they are others than before. Nothing depends on it, so what fails is tried again in silence: the engine's own calls tell of the
/// store's troubles. It has no timer of its own, the engine's loop asks it when it is to be asked again.
final class WorkerPresence: Sendable {
  private struct State {
    var nextAt: WorkerClock.Instant
    var nextReportAt: WorkerClock.Instant
    var call: Task<Void, Never>?
    /// By the last report.
    var isKnown = false
    var held: [HeldAttempt] = []
    var isDraining = false
    var hasLeft = false
  }

  private let store: any WorkerStore
  /// Without what it runs.
  private let report: WorkerReport
  private let attempts: AttemptMetrics
  private let callLimit: Duration
  private let clock: WorkerClock
  private let executor: any TaskExecutor
  /// Lets the engine's loop ask again.
  private let raise: @Sendable () -> Void
  private let state: Mutex<State>

  init(
    store: any WorkerStore,
    report: WorkerReport,
    attempts: AttemptMetrics,
    callLimit: Duration,
    clock: WorkerClock,
    executor: any TaskExecutor,
    raise: @escaping @Sendable () -> Void
  ) {
    self.store = store
    self.report = report
    self.attempts = attempts
    self.callLimit = callLimit
    self.clock = clock
    self.executor = executor
    self.raise = raise
    state = Mutex(State(nextAt: clock.now, nextReportAt: clock.now))
  }

  /// Reports if it is time to.
  ///
  /// - Parameters:
  ///   - isDraining: it claims nothing any more, and only waits for what it runs.
  ///   - holdings: what the worker runs now; asked for once per ``WorkerTimes/countInterval``.
  /// - Returns: when to come again at the latest.
  func turn(
    at now: WorkerClock.Instant,
    isDraining: Bool,
    _ holdings: () -> (inFlight: Int, held: [HeldAttempt])
  ) -> WorkerClock.Instant {
    state.withLock { state in
      if isDraining, !state.isDraining {
        state.isDraining = true
        (state.nextAt, state.nextReportAt) = (now, now)
      }
      guard state.call == nil, now >= state.nextAt else { return max(state.nextAt, now.advanced(by: .seconds(1))) }
      state.nextAt = now.advanced(by: WorkerTimes.countInterval)
      var report = report
      (report.inFlight, report.held) = holdings()
      if isDraining { (report.queues, report.types) = ([], []) }
      let reports = now >= state.nextReportAt || report.held != state.held
      if reports { state.nextReportAt = now.advanced(by: WorkerTimes.reportInterval) }
      state.call = Task(executorPreference: executor) { [report] in await self.tell(reports ? report : nil) }
      return state.nextAt
    }
  }

  /// It runs nothing any more. Before the first report there is nothing to do.
  func leave() {
    state.withLock { state in
      let last = state.call
      guard !state.hasLeft, state.isKnown || last != nil else { return }
      state.hasLeft = true
      last?.cancel()
      state.call = Task(executorPreference: executor) { await self.end(after: last) }
    }
  }

  /// Waits for the last call, which has a limit.
  func end() async { await state.withLock { $0.call }?.value }

  private func tell(_ report: WorkerReport?) async {
    if let report {
      do throws(TaskQueueError) {
        try await store.note(report, within: callLimit)
        state.withLock { state in
          state.isKnown = true
          state.held = report.held
        }
      } catch {
        state.withLock { state in
          state.isKnown = false
          state.nextAt = clock.now.advanced(by: WorkerTimes.retryInterval)
          state.nextReportAt = state.nextAt
        }
      }
    }
    await tellCounts(within: callLimit)
    state.withLock { state in
      if !state.hasLeft { state.call = nil }
    }
    raise()
  }

  private func tellCounts(within limit: Duration) async {
    guard let history = store as? any HistoryStore else { return }
    let counts = attempts.takeCounts()
    guard !counts.isEmpty else { return }
    do throws(TaskQueueError) { try await history.note(counts, within: limit) } catch { attempts.putBack(counts) }
  }

  /// A row that stays behind is gone after 2 minutes.
  private func end(after last: Task<Void, Never>?) async {
    await last?.value
    await tellCounts(within: min(callLimit, .seconds(1)))
    try? await store.forgetWorker(report.id, within: min(callLimit, .seconds(1)))
  }
}
