/// The ledger's answer to an intent. For authors of stores.
public enum EffectDecision: Sendable {
  /// The intent is stored: call, once, and end it.
  case call(EffectCall)
  /// A call of an earlier attempt has no known outcome: ask the provider. `callEndsIn`: for so long that call may still reach it.
  case ask(EffectCall, callEndsIn: Duration)
  /// Recorded already.
  case recorded(EffectOutcome, EffectCall)
  /// This claim has a call under way.
  case busy(EffectCall)
  /// It was begun with another request.
  case requestChanged(EffectCall)
  /// The claim does not hold the task, or its lease is over.
  case leaseLost
}
