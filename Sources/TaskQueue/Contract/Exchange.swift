#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What one exchange with the store brought.
@_spi(Store) public struct Exchange: Sendable {
  /// For each settlement in order: what became of it.
  public var settled: [SettlementResult]
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
  /// For ``ClaimRequest/Scope/rescan(_:)``: false: another worker's look was under way, and this one began at the position.
  public var lookedAtEverything: Bool
  /// How long the store itself took to look, without waits and ways; nil: it does not know.
  public var lookTook: Duration?
  /// The store's clock at the claim (only with `promotesDue`); nil: it has none of its own.
  public var storeTime: Date?

  public init(
    settled: [SettlementResult] = [],
    claimed: [ClaimedTask] = [],
    mayHaveMore: Bool = false,
    nextDueIn: Duration? = nil,
    promotedFrom: Date? = nil,
    promotedUntil: Date? = nil,
    lookedAtEverything: Bool = true,
    lookTook: Duration? = nil,
    storeTime: Date? = nil
  ) {
    self.settled = settled
    self.claimed = claimed
    self.mayHaveMore = mayHaveMore
    self.nextDueIn = nextDueIn
    self.promotedFrom = promotedFrom
    self.promotedUntil = promotedUntil
    self.lookedAtEverything = lookedAtEverything
    self.lookTook = lookTook
    self.storeTime = storeTime
  }

  /// For each settlement in order: whether it was applied.
  public var applied: [Bool] { settled.map { $0 == .applied } }
}
