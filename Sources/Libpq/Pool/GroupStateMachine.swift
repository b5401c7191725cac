import DequeModule

/// Which concurrent callers share a statement or a transaction, and its commit: what is decided, without locks, connections or
/// continuations of its own.
///
/// A caller that finds less than `maxGroups` groups under way leads one: it takes the callers that wait (``take(alongside:)``), does their
/// work with its own, and then passes its place on (``finish()``) to the caller that has waited longest, which leads the next
/// group. So callers gather only while the database is busy, and nobody serves others for longer than one group takes.
///
/// Invariant: while anybody waits, all places are taken, so whoever finishes finds the waiting ones.
package struct GroupStateMachine<Member> {
  private struct Waiting {
    let id: UInt64
    let weight: Int
    let member: Member
  }

  private let maxGroups: Int
  private let maxMembers: Int
  private let maxWeight: Int
  private let maxWaiters: Int
  package private(set) var groupCount = 0
  private var waiting = Deque<Waiting>()

  /// - Parameters:
  ///   - maxGroups: Groups under way at any time.
  ///   - maxMembers: Callers of one group, the leader included.
  ///   - maxWeight: Of one group, unless the leader alone weighs more.
  ///   - maxWaiters: Callers that wait at any time.
  package init(maxGroups: Int, maxMembers: Int, maxWeight: Int = .max, maxWaiters: Int) {
    self.maxGroups = maxGroups
    self.maxMembers = maxMembers
    self.maxWeight = maxWeight
    self.maxWaiters = maxWaiters
  }

  package var waiterCount: Int { waiting.count }

  /// Takes a place if there is one. False: wait.
  package mutating func lead() -> Bool {
    guard groupCount < maxGroups else { return false }
    groupCount += 1
    return true
  }

  /// Lets a caller wait, directly after ``lead()`` said no. False: too many wait already.
  package mutating func wait(_ member: Member, id: UInt64, weight: Int = 0) -> Bool {
    guard waiting.count < maxWaiters else { return false }
    waiting.append(Waiting(id: id, weight: weight, member: member))
    return true
  }

  /// Takes out a cancelled caller; nil if it leads, or is being served.
  package mutating func cancel(id: UInt64) -> Member? {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
    return waiting.remove(at: index).member
  }

  /// The callers that go with the leader, longest waiting first.
  /// - Parameter weight: the leader's.
  package mutating func take(alongside weight: Int = 0) -> [Member] {
    var followers: [Member] = []
    var weight = weight
    while followers.count + 1 < maxMembers, let next = waiting.first {
      weight += next.weight
      guard weight <= maxWeight else { break }
      followers.append(waiting.removeFirst().member)
    }
    return followers
  }

  /// Takes out the waiting callers that meet a condition, without serving them.
  package mutating func giveUp(where isHopeless: (Member) -> Bool) -> [Member] {
    let hopeless = waiting.map(\.member).filter(isHopeless)
    if !hopeless.isEmpty { waiting.removeAll { isHopeless($0.member) } }
    return hopeless
  }

  /// A leader's group is done.
  ///
  /// - Returns: who leads in its place; nil: nobody waits, and the place is free.
  package mutating func finish() -> Member? {
    if let next = waiting.popFirst() { return next.member }
    groupCount -= 1
    return nil
  }
}
