/// One exchange with the server: what may end it early, and how far such an end has come.
struct Exchange {
  /// The caller's cancellation; nil for what must not be cancelled (COMMIT, ROLLBACK).
  var interruption: Interruption?
  /// When to ask for an end; once ``ending`` is set, when to give up the connection.
  var deadline: ContinuousClock.Instant?
  /// When the connection is given up at the latest, also while the answer to a cancel request is awaited; nil: no such instant.
  var end: ContinuousClock.Instant?
  /// Whether the caller's cancellation gives the connection up at once, instead of asking the server.
  var isLeftAtOnce = false
  /// Set once the server has been asked to cancel: what to throw if it does.
  var ending: LibpqError.Code?
  var cancelRequest: CancelRequest?
  /// When to ask once more: a request that overtakes its statement, or arrives between two of a pipeline, is ignored by the server.
  var nextCancelRequest: ContinuousClock.Instant?
  /// Whether the server may be asked to cancel. Not during COMMIT, which could then be half-done (a cancelled wait for a synchronous
  /// standby leaves the transaction committed).
  var isCancellable = true
  /// Whether losing the connection now loses no more than an open transaction, which the server then rolls back.
  var isInTransactionBlock = false
  /// Whether every statement has been answered, so that only the end of the implicit transaction is open.
  var hasAllAnswers = false
}
