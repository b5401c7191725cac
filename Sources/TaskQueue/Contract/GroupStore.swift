#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Where the ends of tasks that belong together are counted. Groups are made in transactions (`TransactionalTaskStore`). Every store with groups
/// passes `GroupConformance` of `TaskQueueConformance`.
///
/// ## How ends are counted
/// Who ends a member, whether by an outcome, a cancellation or a lease that ended too often, only stores that; the counting is promotion's
/// (``ClaimRequest/promotesDue``), in an order that stays. So members that end at the same time do not wait for each other. What follows from the
/// count is done with it: an event for the parent, the next members of a group with a bound, the callback.
@_spi(Store) public protocol GroupStore: Sendable {
  /// nil: there is no such group any more.
  func progress(of group: GroupID) async throws(TaskQueueError) -> GroupProgress?
  /// How members have ended, by place, behind a place; at most ``Limits/page``.
  func ends(of group: GroupID, after place: Int, limit: Int) async throws(TaskQueueError) -> [GroupEnd]
  /// Finds members that are gone without an end, of groups that were not looked at for ``GroupRules/checkInterval``, and drops groups whose time
  /// is over, bounded.
  /// - Returns: how many rows it deleted.
  func keepGroups(within limit: Duration) async throws(TaskQueueError) -> Int
}

/// How a member of a group has ended: once, whatever becomes of it later.
@_spi(Store) public struct GroupEnd: Hashable, Sendable {
  public enum Outcome: Hashable, Sendable {
    /// With its result, if there is one.
    case completed(Data?)
    case dead(DeadLetterReason, detail: String?)
    /// Nobody knows how.
    case gone
  }

  /// From 1, in the order in which they were stored.
  public var member: Int
  /// From 1, in the order in which they were counted.
  public var place: Int
  public var task: TaskID?
  public var outcome: Outcome

  public init(member: Int, place: Int, task: TaskID?, outcome: Outcome) {
    self.member = member
    self.place = place
    self.task = task
    self.outcome = outcome
  }
}

/// What every store does in the same way.
@_spi(Store) public enum GroupRules {
  public static let checkInterval: Duration = .seconds(300)

  /// A parent is told when so many of its children have ended: the first, with each further twentieth, and the last. So a parent of 10,000 comes
  /// back 21 times at most, not 10,000.
  public static func marks(from ended: Int, to now: Int, of total: Int) -> [Int] {
    guard now > ended else { return [] }
    let share = max(1, (total + 19) / 20)
    return (ended + 1...now).filter { $0 == 1 || $0 == total || $0.isMultiple(of: share) }
  }

  /// The first mark behind a count of ended members; at most the total.
  public static func mark(after ended: Int, of total: Int) -> Int {
    if ended == 0 { return min(1, total) }
    let share = max(1, (total + 19) / 20)
    return min(total, (ended / share + 1) * share)
  }

  /// The key of the event for the parent.
  public static func key(_ group: GroupID, mark: Int) -> String { "~ended/\(group)/\(mark)" }
  /// nil: another event's.
  public static func group(ofKey key: String) -> GroupID? {
    let parts = key.split(separator: "/")
    return parts.count == 3 && parts[0] == "~ended" ? Int64(parts[1]).map { GroupID($0) } : nil
  }
}

extension TaskQueueError {
  static var noGroups: TaskQueueError {
    TaskQueueError(.invalidConfiguration, "This store keeps no groups; use one that does, such as PostgresTaskStore.")
  }
}
