/// Why a task was put aside.
public struct DeadLetterReason: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// Its failures reached `maxAttempts`.
  public static let failed = DeadLetterReason(rawValue: "failed")
  /// The handler returned ``TaskOutcome/discard(reason:)``.
  public static let discarded = DeadLetterReason(rawValue: "discarded")
  /// It kept killing its workers, or outlived their leases.
  public static let crashed = DeadLetterReason(rawValue: "crashed")
  /// Its payload could not be decoded.
  public static let undecodable = DeadLetterReason(rawValue: "undecodable")
  /// Its deadline passed.
  public static let expired = DeadLetterReason(rawValue: "expired")
  /// Somebody cancelled it.
  public static let cancelled = DeadLetterReason(rawValue: "cancelled")
}
