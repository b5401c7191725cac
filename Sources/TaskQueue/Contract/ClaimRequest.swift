#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// What a worker asks for.
@_spi(Store) public struct ClaimRequest: Sendable {
  /// Queues to serve; a store gives each a fair share of `limit` while several have tasks.
  public var queues: [QueueName]
  /// Types the worker has handlers for. Others stay where they are.
  public var types: [TaskType]
  /// At most this many tasks; above zero.
  public var limit: Int
  /// How long the claim holds them.
  public var lease: Duration
  /// Whether to make due tasks ready first. Workers ask for it now and then, not with every claim.
  public var promotesDue: Bool
  public var scope: Scope
  /// The instant by which the store judges whether other leases have ended, if it is before the store's own clock; nil: that clock. So
  /// a clock that jumped ahead does not end the leases of workers that had no time to renew them by it.
  public var leasesAt: Date?

  /// Whether the claim before reached its limit. Behind a position a store may then pass over tasks that others touch just now, as long as it
  /// finds enough without them.
  public var expectsBacklog: Bool

  /// Where to look. A store that is fast without it may look at everything always.
  public enum Scope: Sendable {
    case everything
    /// Only tasks behind this position.
    case after(ScanPosition)
    /// Everything, unless another worker of the same queues and types is just doing that; then as ``after(_:)``.
    case rescan(ScanPosition)
  }

  public init(
    queues: [QueueName],
    types: [TaskType],
    limit: Int,
    lease: Duration,
    promotesDue: Bool,
    scope: Scope = .everything,
    leasesAt: Date? = nil,
    expectsBacklog: Bool = false
  ) {
    self.queues = queues
    self.types = types
    self.limit = limit
    self.lease = lease
    self.promotesDue = promotesDue
    self.scope = scope
    self.leasesAt = leasesAt
    self.expectsBacklog = expectsBacklog
  }
}

@_spi(Store) extension ClaimRequest {
  /// Whether tasks that others touch just now may be passed over; a look at everything is to find those, too.
  public var passesOverTouched: Bool {
    guard case .after = scope else { return false }
    return expectsBacklog
  }

  /// - Throws: `invalidOption` for a lease that would end at once, or beyond every clock.
  public static func validate(lease: Duration) throws(TaskQueueError) {
    guard lease > .zero, lease <= Limits.delay else {
      throw .invalidOption("A lease must be above zero and at most 100 years.")
    }
  }
}
