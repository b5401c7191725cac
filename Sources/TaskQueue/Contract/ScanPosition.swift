#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// How far a worker has looked through the due tasks of its queues.
///
/// A claim that starts there does not step over what lies behind: tasks held by others, tasks of other types, and the
/// dead rows that a long transaction anywhere in the database keeps from being removed. What gets behind it all the same
/// (a transaction that committed late, a lease that ran out) is found by ``ClaimRequest/Scope/rescan(_:)``; the late commit
/// sooner, by ``TaskStore/openWriters()``.
///
/// One place per queue *and priority*, so that a more urgent task is never hidden by less urgent ones. Pure.
@_spi(Store) public struct ScanPosition: Sendable, Equatable {
  /// Nothing of this priority up to and including this due time and id is worth looking at.
  public struct Bound: Sendable, Equatable {
    public let priority: Int
    public fileprivate(set) var dueAt: Date
    public fileprivate(set) var id: TaskID

    fileprivate func isBehind(_ other: Bound) -> Bool { (dueAt, id) < (other.dueAt, other.id) }
  }

  /// Transactions that take no longer than this from storing a task to their commit are never overtaken: so much before
  /// the claim's own time is looked at again.
  public static let commitWindow: Duration = .milliseconds(100)
  /// Priorities remembered per queue; the tasks of further ones are looked at in full.
  public static let maxBounds = 64

  private var bounds: [QueueName: [Bound]] = [:]
  /// Everything due up to then was made ready; nil: unknown.
  public private(set) var promotedUntil: Date?

  public init() {}

  /// By ascending priority.
  public func bounds(of queue: QueueName) -> [Bound] { bounds[queue] ?? [] }

  /// Moves behind the tasks that a claim brought.
  ///
  /// - Parameters:
  ///   - claimed: in the order of their priority, due time and id.
  ///   - isCutShort: whether the claim reached its limit. Then it may have left tasks behind the last one it brought, and a
  ///     position that was further ahead goes back.
  ///   - start: the position when the claim was made. A place that went back since then stays there.
  public mutating func advance(over claimed: [ClaimedTask], isCutShort: Bool, from start: ScanPosition) {
    var last: ClaimedTask?
    for (index, task) in claimed.enumerated() {
      // One that its claim itself has made due was not come across, and says nothing of those before it.
      if task.dueAt < task.claimedAt { last = task }
      let next = index + 1
      guard next == claimed.endIndex || claimed[next].priority != task.priority || claimed[next].queue != task.queue
      else { continue }
      // Only the last task of a run counts.
      if let last { note(last, isCutShort: isCutShort, from: start) }
      last = nil
    }
  }

  private mutating func note(_ task: ClaimedTask, isCutShort: Bool, from start: ScanPosition) {
    let horizon = task.claimedAt - Self.commitWindow / .seconds(1)
    let found =
      task.dueAt <= horizon
      ? Bound(priority: task.priority, dueAt: task.dueAt, id: task.claim.id)
      : Bound(priority: task.priority, dueAt: horizon, id: TaskID(.max))
    var list = bounds[task.queue] ?? []
    guard let index = list.firstIndex(where: { $0.priority >= task.priority }), list[index].priority == task.priority
    else {
      let index = list.firstIndex { $0.priority > task.priority } ?? list.endIndex
      list.insert(found, at: index)
      bounds[task.queue] = list.count > Self.maxBounds ? list.dropLast() : list
      return
    }
    let atStart = start.bounds(of: task.queue).first { $0.priority == task.priority }
    if let atStart, list[index].isBehind(atStart) { return }
    if isCutShort || list[index].isBehind(found) { bounds[task.queue]?[index] = found }
  }

  /// Notes what a promotion brought: tasks with due times from `oldest` on are ready now.
  public mutating func notePromotion(from oldest: Date?, until newest: Date?) {
    if let newest { promotedUntil = newest - Self.commitWindow / .seconds(1) }
    if let oldest { goBack(to: oldest) }
  }

  /// A look at everything that reached its limit has not looked at what comes behind its last task of each queue.
  ///
  /// - Parameter claimed: in the order of their priority, due time and id.
  mutating func goBack(behind claimed: [ClaimedTask]) {
    var lastPriorities: [QueueName: Int] = [:]
    for task in claimed { lastPriorities[task.queue] = task.priority }
    for (queue, list) in bounds {
      let last = lastPriorities[queue] ?? .min
      // Not dropped: a claim under way that began further ahead must not set them ahead again.
      bounds[queue] = list.map {
        $0.priority <= last ? $0 : Bound(priority: $0.priority, dueAt: .init(timeIntervalSince1970: 0), id: TaskID(0))
      }
    }
  }

  /// Tasks with due times from `oldest` on are worth looking at.
  mutating func goBack(to oldest: Date) {
    for (queue, list) in bounds {
      bounds[queue] = list.map { $0.dueAt < oldest ? $0 : Bound(priority: $0.priority, dueAt: oldest, id: TaskID(0)) }
    }
  }
}
