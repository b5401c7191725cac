#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How an effect stands.
public struct EffectState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// The last call certainly did not happen; another may be made.
  public static let open = EffectState(rawValue: "open")
  /// A call may be under way.
  public static let intended = EffectState(rawValue: "intended")
  /// A call ended without an answer, or its worker died.
  public static let unknown = EffectState(rawValue: "unknown")
  /// As unknown, and a person has to say.
  public static let parked = EffectState(rawValue: "parked")
  public static let succeeded = EffectState(rawValue: "succeeded")
  /// It did not happen and never will.
  public static let failed = EffectState(rawValue: "failed")
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
