#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What one exchange with the store brought.
@_spi(Store) public struct Exchange: Sendable {
  /// For each settlement in order: whether it was applied. false: the claim had lost the task; nothing was changed.
  public var applied: [Bool]
  /// In the order in which they are to be started.
  public var claimed: [ClaimedTask]
  /// Whether there may be more to claim at once.
  public var mayHaveMore: Bool
  /// How long until the next waiting task is due, as far as the store looked (only with `promotesDue`).
  public var nextDueIn: Duration?
  /// The due time of the oldest task that was made ready; nil: none.
  public var promotedFrom: Date?
  /// All that was due then is ready now; nil: there may be more.
  public var promotedUntil: Date?

  public init(
    applied: [Bool] = [],
    claimed: [ClaimedTask] = [],
    mayHaveMore: Bool = false,
    nextDueIn: Duration? = nil,
    promotedFrom: Date? = nil,
    promotedUntil: Date? = nil
  ) {
    self.applied = applied
    self.claimed = claimed
    self.mayHaveMore = mayHaveMore
    self.nextDueIn = nextDueIn
    self.promotedFrom = promotedFrom
    self.promotedUntil = promotedUntil
  }
}
