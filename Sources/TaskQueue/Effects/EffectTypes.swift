#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What an attempt is about to do.
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

  public init(
    claim: Claim,
    name: EffectName,
    requestDigest: Data,
    callLimit: Duration,
    keyLifetime: Duration?,
    absentCall: Int? = nil
  ) {
    self.claim = claim
    self.name = name
    self.requestDigest = requestDigest
    self.callLimit = callLimit
    self.keyLifetime = keyLifetime
    self.absentCall = absentCall
  }
}

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

/// The ledger's answer to an intent.
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

/// What is known of an effect.
public enum EffectOutcome: Hashable, Sendable {
  /// It happened; the value as JSON. Empty: it could not be encoded.
  case succeeded(Data)
  /// It did not happen: for good, or not yet.
  case failed(EffectFailure)
  /// Nobody knows.
  case unknown(reason: String)
  /// Nobody knows, and a person has to say.
  case parked(reason: String)
}

/// How an effect stands.
public enum EffectState: String, Hashable, Sendable {
  /// The last call certainly did not happen; another may be made.
  case open
  /// A call may be under way.
  case intended
  /// A call ended without an answer, or its worker died.
  case unknown
  /// As unknown, and a person has to say.
  case parked
  case succeeded
  /// It did not happen and never will.
  case failed
}

/// One row of the ledger.
public struct EffectRecord: Sendable {
  public var task: TaskID
  public var taskType: TaskType
  public var name: EffectName
  public var key: IdempotencyKey
  public var state: EffectState
  /// Reports of it cannot all be true, or two calls may have happened: compare the provider's books.
  public var isContradicted: Bool
  /// Calls begun.
  public var calls: Int
  /// When the last call was begun, by the store's clock.
  public var intendedAt: Date
  /// How long ago that was when it was read.
  public var age: Duration
  /// The value of a success as JSON.
  public var value: Data?
  /// The code of a failure.
  public var code: String?
  /// Of a failure or an unknown outcome.
  public var reason: String?

  public init(
    task: TaskID,
    taskType: TaskType,
    name: EffectName,
    key: IdempotencyKey,
    state: EffectState,
    isContradicted: Bool,
    calls: Int,
    intendedAt: Date,
    age: Duration,
    value: Data?,
    code: String?,
    reason: String?
  ) {
    self.task = task
    self.taskType = taskType
    self.name = name
    self.key = key
    self.state = state
    self.isContradicted = isContradicted
    self.calls = calls
    self.intendedAt = intendedAt
    self.age = age
    self.value = value
    self.code = code
    self.reason = reason
  }
}

/// What a person found out about an effect.
public enum EffectResolution: Sendable {
  /// It happened: the value that the handler would have got, as JSON.
  case succeeded(Data)
  /// It did not happen and is not to be tried again.
  case failed(reason: String)
  /// It did not happen: the next attempt may call again, with the same key.
  case didNotHappen
}

/// What became of a resolution.
public enum EffectResolutionResult: String, Hashable, Sendable {
  case resolved
  /// It had succeeded or failed already; nothing was changed.
  case settled
  /// A worker holds the task, or the call may still reach the provider; nothing was changed.
  case running
  /// The task has no such effect.
  case unknown
}

extension Limits {
  /// Encoded JSON bytes of an effect's value. A success with a bigger one is recorded without it.
  public static let effectValueBytes = 256 * 1024
}
