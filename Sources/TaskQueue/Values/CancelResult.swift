/// What became of a cancellation.
public enum CancelResult: Hashable, Sendable {
  /// It was waiting and is now a dead letter (``DeadLetterReason/cancelled``).
  case cancelled
  /// A worker holds it; its handler will be told.
  case requested
  /// It is finished, dead or cancelled already. Nothing was changed.
  case alreadyFinished
}
