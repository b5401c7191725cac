#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What an attempt is about to do. For authors of stores.
public struct EffectIntent: Sendable {
  public var claim: Claim
  public var name: EffectName
  /// SHA-256 of the encoded request; 32 bytes.
  public var requestDigest: Data
  /// How long after its intent a call may still reach the provider.
  public var callLimit: Duration
  /// How long the provider remembers a key; nil: for ever, or it does not look at keys.
  public var keyLifetime: Duration?
  /// The provider was asked in this attempt and knows nothing of the calls up to this number.
  public var absentCall: Int?
  /// What several tasks may be made for; nil: the task's own.
  public var scope: String?

  public init(
    claim: Claim,
    name: EffectName,
    requestDigest: Data,
    callLimit: Duration,
    keyLifetime: Duration?,
    absentCall: Int? = nil,
    scope: String? = nil
  ) {
    self.claim = claim
    self.name = name
    self.requestDigest = requestDigest
    self.callLimit = callLimit
    self.keyLifetime = keyLifetime
    self.absentCall = absentCall
    self.scope = scope
  }
}
