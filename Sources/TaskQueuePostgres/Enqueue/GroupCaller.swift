import Libpq
import Synchronization

/// A caller that waits for others to do its work with theirs.
final class GroupCaller: Sendable {
  private struct State {
    var isCancelled = false
    /// Of the group that it is served with.
    var interest: SharedInterest?
  }

  private let state = Mutex(State())

  /// It goes along with a group.
  func join(_ interest: SharedInterest) {
    let isCancelled = state.withLock { state in
      state.interest = interest
      return state.isCancelled
    }
    if isCancelled { interest.leave() }
  }

  /// Its task was cancelled. Once.
  func cancel() {
    let interest = state.withLock { state in
      state.isCancelled = true
      return state.interest
    }
    interest?.leave()
  }
}

/// How many callers still want what one statement does for all of them. It is interrupted when the last of them is cancelled: a table that
/// is locked for long must not hold them for as long.
final class SharedInterest: Sendable {
  let interrupter = LibpqInterrupter()
  private let callers: Atomic<Int>

  init(callers: Int) { self.callers = Atomic(callers) }

  /// One of them was cancelled.
  func leave() {
    if callers.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { interrupter.interrupt() }
  }
}
