#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a completed task leaves.
@_spi(Store) public struct Conclusion: Hashable, Sendable {
  /// JSON of at most ``Limits/resultBytes``; nil: its handler returned nothing.
  public var result: Data?
  /// For how long it is kept; nil: not at all, but a result outside of a group for ``Limits/resultRetention``.
  public var retain: Duration?

  public init(result: Data? = nil, retain: Duration? = nil) {
    self.result = result
    self.retain = retain
  }

  /// For how long it is kept, by that rule; nil: not at all.
  public func retention(isInGroup: Bool) -> Duration? {
    let own = retain.map { min($0, Limits.longestRetention) }
    return own ?? (result != nil && !isInGroup ? Limits.resultRetention : nil)
  }
}

extension Limits {
  /// Encoded JSON bytes of a task's result. Store a reference to bigger things.
  public static let resultBytes = 256 * 1024
  /// How long a result is kept if neither type nor enqueue says so.
  public static let resultRetention: Duration = .seconds(86_400)
  /// The longest time for which a completed task can be kept.
  public static let longestRetention: Duration = .seconds(366 * 86_400)
}
