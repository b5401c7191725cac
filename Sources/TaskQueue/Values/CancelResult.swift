/// What became of a cancellation.
public struct CancelResult: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
  public let rawValue: String
  public init(rawValue: String) { self.rawValue = rawValue }
  public var description: String { rawValue }

  /// It was waiting and is now a dead letter (``DeadLetterReason/cancelled``).
  public static let cancelled = CancelResult(rawValue: "cancelled")
  /// A worker holds it; its handler will be told.
  public static let requested = CancelResult(rawValue: "requested")
  /// It is finished, dead or cancelled already. Nothing was changed.
  public static let alreadyFinished = CancelResult(rawValue: "already_finished")
}
