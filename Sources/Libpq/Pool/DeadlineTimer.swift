import DetachedThread
import Dispatch
import Synchronization

/// Calls back at given instants, on a thread of its own: pools need it when all of Swift's cooperative threads are blocked.
///
/// Made for few entries: a pool has one or two at a time.
final class DeadlineTimer: Sendable {
  static let shared = DeadlineTimer()

  private struct Entry: Sendable {
    let instant: ContinuousClock.Instant
    let action: @Sendable () -> Void
  }

  private struct State {
    var entries: [Entry] = []
    var isRunning = false
  }

  private let state = Mutex(State())
  private let semaphore = DispatchSemaphore(value: 0)

  /// Calls `action` at `instant` or soon after; it must be short. False if no thread could be started.
  func schedule(at instant: ContinuousClock.Instant, _ action: @escaping @Sendable () -> Void) -> Bool {
    let isStarted = state.withLock { state in
      if !state.isRunning { state.isRunning = DetachedThread.spawn { self.run() } }
      if state.isRunning { state.entries.append(Entry(instant: instant, action: action)) }
      return state.isRunning
    }
    semaphore.signal()
    return isStarted
  }

  private func run() {
    while true {
      let now = ContinuousClock.now
      let (due, next) = state.withLock { state in
        let due = state.entries.filter { $0.instant <= now }
        state.entries.removeAll { $0.instant <= now }
        return (due, state.entries.map(\.instant).min())
      }
      for entry in due { entry.action() }
      if !due.isEmpty { continue }
      guard let next else {
        semaphore.wait()
        continue
      }
      let (seconds, attoseconds) = now.duration(to: next).components
      // Rounded up; looks again each hour at the latest.
      let milliseconds = min(Int(clamping: seconds), 3_600) * 1_000 + Int(attoseconds / 1_000_000_000_000_000) + 1
      _ = semaphore.wait(timeout: .now() + .milliseconds(milliseconds))
    }
  }
}
