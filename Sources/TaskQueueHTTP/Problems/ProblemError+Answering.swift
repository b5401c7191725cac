import Libpq
import TaskQueue

extension ProblemError {
  /// What to answer when a request ended with an error: no more than the client may know.
  ///
  /// - A ``ProblemError`` is itself.
  /// - ``SignatureError``: `invalid-signature`, whatever its code.
  /// - ``JSONRefusal``: `malformed-request`, with why and where.
  /// - `DecodingError`: `malformed-request`. So throw your own for what you decode of others than the client, and read of them.
  /// - `LibpqError` that another try may pass, also one that leaves open whether it was committed, `TaskQueueError` and `CancellationError`:
  ///   `unavailable`.
  /// - Everything else, data and SQL that the server refuses whenever it is asked among it: `internal-error`. Log it.
  public init(answering error: any Error) {
    switch error {
    case let error as ProblemError: self = error
    case is SignatureError: self.init(.invalidSignature)
    case let error as JSONRefusal:
      self.init(
        .malformedRequest,
        "The body isn't JSON as it is read here: \(error.reason), at byte \(error.offset)."
      )
    case is DecodingError: self.init(.malformedRequest)
    case let error as LibpqError where error.isRetrySafe || error.isOutcomeUnknown || error.code == .cancelled:
      self.init(.unavailable)
    case is CancellationError, is TaskQueueError: self.init(.unavailable)
    default: self.init(.internalError)
    }
  }
}
