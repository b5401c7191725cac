import Synchronization

/// Ends statements from outside of the task that waits for them; see ``LibpqConnection/query(_:interruptedBy:)``.
public final class LibpqInterrupter: Sendable {
  private struct State {
    var isRequested = false
    var current: Interruption?
  }

  private let state = Mutex(State())

  public init() {}

  /// The statement under way ends as by the cancellation of its task, and so does every later one. Idempotent, from any thread.
  public func interrupt() {
    let current = state.withLock { state in
      state.isRequested = true
      return state.current
    }
    current?.request()
  }

  /// A statement begins.
  func begin(_ interruption: Interruption) {
    let isRequested = state.withLock { state in
      state.current = interruption
      return state.isRequested
    }
    if isRequested { interruption.request() }
  }

  /// It has ended.
  func end() { state.withLock { $0.current = nil } }
}
