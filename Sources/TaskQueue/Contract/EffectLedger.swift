/// Where the intents and outcomes of external calls are kept. A store is a ledger too: the intent is fenced by the claim.
///
/// One row per task and effect. Each method is atomic, one round trip and at most one commit. Rows stay when their task is
/// gone, until ``purgeEffects(olderThan:)``. Every ledger passes `EffectLedgerConformance` of `TaskQueueConformance`.
///
/// ## Why an overtaken attempt does no harm
/// Two attempts of one task can overlap: A lost its lease while it calls, B holds the task now.
/// - *A cannot begin.* ``beginEffect(_:)`` looks at the claim under a lock that keeps others from claiming the task until the
///   intent is committed. So every intent was committed while its claim held the task, and intents of one task have an order.
/// - *B sees that A began.* B's claim is later than A's intent, so B's begin finds it and is told to ask. From then on the row
///   has B's token, and A's "it did not happen" (or "unknown") changes nothing.
/// - *A's success counts whenever it comes.* "It happened" cannot become false. It is recorded if nothing contradicts it, and B's
///   next step, which would be another call or a failure, finds it instead.
/// - *B asks too early.* The provider may not know A's call yet. B's "did not happen" is believed only if it was asked for after
///   A's call limit: A's call is cancelled by then and no longer reaches the provider.
/// - *What is left.* A provider that honours the key executes once whatever happens. One that does not, and that acts on a request
///   later than the call limit, can execute twice: two successes with different values, or a success after a final failure,
///   mark the row as contradicted, for a person and an alarm. No success is lost.
@_spi(Store) public protocol EffectLedger: Sendable {
  /// Asks for leave to call; stores the intent if it is given.
  ///
  /// - Throws: `storeFailed`, also when the answer was lost: nothing was called then, and asking again is safe.
  func beginEffect(_ intent: EffectIntent) async throws(TaskQueueError) -> EffectDecision

  /// Records how a call ended, or what a lookup brought. Goes on in a cancelled task. Repeating it changes nothing more.
  ///
  /// - Returns: what is recorded now, which is the truth if it is not what was reported; nil: another attempt has taken the
  ///   effect over, and nothing was changed.
  func endEffect(_ call: EffectCall, _ outcome: EffectOutcome) async throws(TaskQueueError) -> EffectOutcome?

  /// A person says what became of an effect that nobody else can settle. Redrive its task afterwards.
  ///
  /// Refused while a worker holds the task, and "did not happen" also while the call may still reach the provider.
  func resolveEffect(
    _ name: EffectName,
    of task: TaskID,
    as resolution: EffectResolution
  ) async throws(TaskQueueError) -> EffectResolutionResult

  /// The effects of a task, live or not, by name; at most ``Limits/page``.
  func effects(of task: TaskID) async throws(TaskQueueError) -> [EffectRecord]

  /// Effects without a known outcome whose last intent is at least that old, and contradicted ones; oldest first, at most
  /// ``Limits/page``. Read by index.
  func unsettledEffects(olderThan age: Duration, limit: Int) async throws(TaskQueueError) -> [EffectRecord]

  /// Deletes settled effects that last changed that long ago and whose task is neither live nor a dead letter; at most ``Limits/page`` per
  /// call. One without a known outcome stays until it is resolved. A task id is never used twice, so nothing is begun again for it.
  /// - Returns: how many.
  func purgeEffects(olderThan age: Duration) async throws(TaskQueueError) -> Int
}

extension TaskQueueError {
  static var noLedger: TaskQueueError {
    TaskQueueError(.invalidConfiguration, "This store keeps no effects; use one that does, such as PostgresTaskStore.")
  }
}
