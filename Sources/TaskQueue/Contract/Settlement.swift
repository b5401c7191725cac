/// The outcome of one attempt, as a store records it. Applied only if the claim still holds the task.
///
/// A task marked by ``UniqueKey/Mode/coalesce`` or ``UniqueKey/Mode/replace`` while it was held becomes due at once with
/// fresh counters instead, whatever the action. A task whose cancellation was asked for becomes a dead letter
/// (``DeadLetterReason/cancelled``) instead, unless it completed.
public struct Settlement: Sendable {
  @_spi(Store) public enum Action: Sendable {
    /// Removes the task (or keeps its unique key for the period it asked for).
    case complete
    /// As ``complete``, of a task whose end concerns more than its row. Its steps go with it; what it leaves is kept; its group counts it. Marked to
    /// run once more it begins anew, without steps, and leaves nothing.
    case conclude(Conclusion)
    /// The flow waits: due when the first of its waits ends, or an event comes. Attempts, failures and crashes are counted anew, and a slot of a
    /// limit is given back but in strict order.
    case suspend([FlowWait])
    /// Due again after this time; `returnsAttempt`: the attempt is given back.
    case reschedule(after: Duration, returnsAttempt: Bool)
    /// One failure more; due again after this time.
    case fail(TaskFailure, retryAfter: Duration)
    /// Moved to the dead letters. With a failure: one failure more, recorded. A flow with registered compensations is due at once instead, with a
    /// step of the kind ``FlowStep/Kind/unwind``, unless it has that already.
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
