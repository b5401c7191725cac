import Synchronization

/// Remembers that shutdown was asked for, also before there is anybody to tell.
final class ShutdownRequest: Sendable {
  private struct State {
    var isRequested = false
    var action: (@Sendable () -> Void)?
  }

  private let state = Mutex(State())

  func request() {
    let action = state.withLock { state in
      state.isRequested = true
      return state.action
    }
    action?()
  }

  func whenRequested(_ action: @escaping @Sendable () -> Void) {
    let isRequested = state.withLock { state in
      state.action = action
      return state.isRequested
    }
    if isRequested { action() }
  }
}
