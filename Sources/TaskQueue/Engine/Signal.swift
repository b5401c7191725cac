import Synchronization

/// A flag that one task waits for and anyone may raise. Raising it twice before the wait counts once.
final class Signal: Sendable {
  private enum State {
    case lowered
    case raised
    case waiting(CheckedContinuation<Void, Never>)
  }

  private let state = Mutex(State.lowered)

  func raise() {
    let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
      switch state {
      case .waiting(let continuation):
        state = .lowered
        return continuation
      case .lowered, .raised:
        state = .raised
        return nil
      }
    }
    continuation?.resume()
  }

  /// Returns when the flag is raised (and lowers it) or the task is cancelled. One waiter at a time.
  func wait() async {
    await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let resumesNow = state.withLock { state in
          if case .raised = state {
            state = .lowered
            return true
          }
          if Task.isCancelled { return true }
          state = .waiting(continuation)
          return false
        }
        if resumesNow { continuation.resume() }
      }
    } onCancel: {
      let continuation = state.withLock { state -> CheckedContinuation<Void, Never>? in
        guard case .waiting(let continuation) = state else { return nil }
        state = .lowered
        return continuation
      }
      continuation?.resume()
    }
  }

  /// Waits at most this long.
  func wait(atMost limit: Duration, clock: WorkerClock) async {
    await withTaskGroup(of: Void.self) { group in
      group.addTask { try? await clock.sleep(for: limit) }
      group.addTask { await self.wait() }
      await group.next()
      group.cancelAll()
    }
  }
}
