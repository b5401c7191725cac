/// How one effect is made.
public struct EffectOptions: Sendable {
  /// How long after its intent a call may still reach the provider; 30 seconds.
  ///
  /// The call is cancelled then, and a lookup's "did not happen" is believed only afterwards: give the time that a request can
  /// spend on the way and in the provider's queues, not the time that it usually takes. Above zero, at most an hour.
  public var callLimit: Duration = .seconds(30)
  /// How long the provider remembers a key (Stripe: 24 hours). Once it is over, a failed call is not repeated before
  /// `reconcile` or a person said that nothing happened. nil: for ever, or the provider does not look at keys.
  public var keyLifetime: Duration?
  /// What the app does by this call, such as `order-7`, if several tasks may be made for it. They then send the same key, and what one of them has
  /// recorded, or does not know, holds for the others: no second call while the outcome of the first is unknown. 1 to 256 bytes without
  /// control characters. nil: the task's own; another task's call is another action, unless an earlier task with the same unique key left one
  /// without a known outcome: the next task with the key then takes that call and its idempotency key over.
  public var scope: String?

  public init(callLimit: Duration = .seconds(30), keyLifetime: Duration? = nil, scope: String? = nil) {
    self.callLimit = callLimit
    self.keyLifetime = keyLifetime
    self.scope = scope
  }

  static let maxCallLimit: Duration = .seconds(3600)

  /// - Throws: ``TaskQueueError/Code/invalidOption``.
  public func validate() throws(TaskQueueError) {
    guard callLimit > .zero, callLimit <= Self.maxCallLimit else {
      throw .invalidOption("An effect's callLimit must be above zero and at most an hour.")
    }
    if let keyLifetime, keyLifetime <= .zero || keyLifetime > Limits.delay {
      throw .invalidOption("A key's lifetime must be above zero and at most 100 years.")
    }
    if let scope,
      !(1...256 ~= scope.utf8.count) || scope.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
    {
      throw .invalidName("A scope must have 1 to 256 UTF-8 bytes and no control characters.")
    }
  }
}

/// What a lookup found out about an earlier call.
public enum EffectInquiry<Value: Sendable>: Sendable {
  /// It happened, with this value.
  case happened(Value)
  /// The provider certainly knows nothing of it: the call may be made again.
  case didNotHappen
  /// The provider says that it failed, for good or not.
  case failed(EffectFailure)
  /// Nobody can say yet: the task is retried by its policy, and asks again; it is not given up while its call may still be on its way.
  case stillUnknown
}
