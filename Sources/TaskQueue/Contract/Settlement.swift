/// The outcome of one attempt, as a store records it. Applied only if the claim still holds the task.
///
/// A task marked by ``UniqueKey/Mode/coalesce`` or ``UniqueKey/Mode/replace`` while it was held becomes due at once with
/// fresh counters instead, whatever the action. A task whose cancellation was asked for becomes a dead letter
/// (``DeadLetterReason/cancelled``) instead, unless it completed.
public struct Settlement: Sendable {
  @_spi(Store) public enum Action: Sendable {
    /// Removes the task (or keeps its unique key for the period it asked for).
    case complete
    /// Due again after this time; `returnsAttempt`: the attempt is given back.
    case reschedule(after: Duration, returnsAttempt: Bool)
    /// One failure more; due again after this time.
    case fail(TaskFailure, retryAfter: Duration)
    /// Moved to the dead letters. With a failure: one failure more, recorded.
    case bury(DeadLetterReason, detail: String?, TaskFailure?)
    /// Handed back unharmed: due at once, the attempt given back.
    case release
  }

  @_spi(Store) public var claim: Claim
  @_spi(Store) public var action: Action
  @_spi(Store) public init(_ claim: Claim, _ action: Action) {
    self.claim = claim
    self.action = action
  }
}
