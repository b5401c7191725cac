/// Why an effect gave no value, when the call itself is not to blame (that is ``EffectFailure``).
public struct EffectError: Error, Sendable, CustomStringConvertible {
  /// The kind of trouble. Codes may be added in minor versions.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String
    init(_ description: String) { self.description = description }

    /// The effect was begun with another request. Nothing was sent.
    public static let requestChanged = Code("requestChanged")
    /// The call ended without an answer, or the provider could not say yet what became of it. The next attempt asks.
    public static let outcomeUnknown = Code("outcomeUnknown")
    /// The outcome is unknown and there is nobody to ask: a person has to resolve the effect, then redrive the task.
    public static let parked = Code("parked")
    /// This very attempt has a call of this effect under way, or could not record how it ended. Nothing was sent.
    public static let busy = Code("busy")
    /// It happened, but its recorded value does not fit the type asked for.
    public static let unreadableValue = Code("unreadableValue")
    /// The request could not be encoded. Nothing was sent.
    public static let encodingFailed = Code("encodingFailed")
  }

  public var code: Code
  public var effect: EffectName
  /// What is wrong and what to do about it. Never holds a request or a value.
  public var message: String
  /// The key of the call, if it has one.
  public var key: IdempotencyKey?
  /// What the call or the lookup threw, if that is the cause.
  public var underlying: (any Error)?
  /// In how long an earlier call has certainly ended, if that is what keeps the outcome unknown: the task is not given up before.
  public var passesIn: Duration?

  public init(
    _ code: Code,
    _ effect: EffectName,
    _ message: String,
    key: IdempotencyKey? = nil,
    underlying: (any Error)? = nil,
    passesIn: Duration? = nil
  ) {
    self.code = code
    self.effect = effect
    self.message = message
    self.key = key
    self.underlying = underlying
    self.passesIn = passesIn
  }

  public var description: String {
    let cause = underlying.map { " (\($0))" } ?? ""
    return "Effect \(effect): \(code): \(message)\(cause)"
  }
}

extension EffectError: RetryAfterError {
  /// What the call or the lookup asked for, such as a provider's "429, again in 30 seconds" to a lookup.
  public var retryAfter: Duration? { (underlying as? any RetryAfterError)?.retryAfter }
}

extension EffectError: TaskOutcomeError {
  /// A parked effect and a changed request make the task a dead letter: only a person can go on from there.
  public var taskOutcome: TaskOutcome? {
    switch code {
    case .parked, .requestChanged: .discard(reason: description)
    default: nil
    }
  }
}

/// What could not be recorded for want of the store is asked for by the next attempt.
extension EffectError: PassingError {
  public var isPassing: Bool {
    (code == .outcomeUnknown || code == .busy) && (underlying as? any PassingError)?.isPassing ?? false
  }
  public var isRolledBack: Bool { false }
}
