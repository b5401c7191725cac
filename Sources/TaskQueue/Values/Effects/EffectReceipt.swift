/// The value of an effect that happened, and what is still to be recorded about it.
public struct EffectReceipt<Value: Sendable>: Sendable {
  public let value: Value
  public let call: EffectCall
  /// nil: it is recorded already.
  public let unrecorded: EffectOutcome?
}
