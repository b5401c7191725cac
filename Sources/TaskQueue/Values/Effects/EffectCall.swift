/// A call that was begun, as its closures see it.
public struct EffectCall: Hashable, Sendable {
  public var claim: Claim
  public var name: EffectName
  /// What to send, and to ask for.
  public var key: IdempotencyKey
  /// Counts the calls of this effect, from 1.
  public var number: Int
  /// When the provider forgets the key, from the begin of this step; not above zero: it has. nil: no lifetime was given.
  public var keyEndsIn: Duration?

  public init(claim: Claim, name: EffectName, key: IdempotencyKey, number: Int, keyEndsIn: Duration?) {
    self.claim = claim
    self.name = name
    self.key = key
    self.number = number
    self.keyEndsIn = keyEndsIn
  }
}
