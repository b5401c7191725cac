/// A call closure throws it to say that its call *certainly did not happen*. Every other error (a timeout, a lost connection, a
/// 500, cancellation) leaves the outcome unknown, and the provider is asked before anything is sent again.
public struct EffectFailure: Error, Hashable, Sendable, CustomStringConvertible {
  /// Whether trying again makes sense.
  public enum Kind: String, Hashable, Sendable {
    /// It never will: a declined card, a request the provider refuses. Recorded; every later attempt gets this error again without
    /// a call. Another try is another effect: give it another name.
    case permanent
    /// It may the next time: the connection was refused, or the provider answered "too many requests" before doing anything.
    /// The next attempt calls again with the same key.
    case temporary
  }

  public var kind: Kind
  /// For programs: the provider's error code, such as `card_declined`.
  public var code: String
  /// For people, cut to ``Limits/errorMessageBytes``. Recorded with the effect: no secrets.
  public var message: String

  /// When trying again makes sense, if the provider said so; nil: as the retry policy says.
  public var retryAfter: Duration?

  public init(_ kind: Kind, code: String, _ message: String, retryAfter: Duration? = nil) {
    self.kind = kind
    self.retryAfter = retryAfter
    self.code = TaskFailure.cleaned(code)
    self.message = TaskFailure.cleaned(message)
  }

  /// It certainly did not happen and never will.
  public static func permanent(_ code: String, _ message: String = "") -> EffectFailure {
    .init(.permanent, code: code, message)
  }

  /// It certainly did not happen, but may the next time: "429, again in 30 seconds" sets `retryAfter`.
  public static func temporary(
    _ code: String,
    _ message: String = "",
    retryAfter: Duration? = nil
  ) -> EffectFailure {
    .init(.temporary, code: code, message, retryAfter: retryAfter)
  }

  public var description: String {
    message.isEmpty ? "\(kind.rawValue): \(code)" : "\(kind.rawValue): \(code): \(message)"
  }
}

extension EffectFailure: RetryAfterError {}

extension EffectFailure: TaskOutcomeError {
  /// A permanent failure that the handler lets through makes the task a dead letter at once: no retry can change it.
  public var taskOutcome: TaskOutcome? {
    kind == .permanent ? .discard(reason: "An effect failed for good: \(code). \(message)") : nil
  }
}
