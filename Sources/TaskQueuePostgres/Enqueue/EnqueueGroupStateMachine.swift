import DequeModule
@_spi(Store) import TaskQueue

/// Which concurrent enqueues share a statement and a commit: what is decided, without locks, connections or continuations of its own.
///
/// A caller that finds less than `maxGroups` groups under way leads one: it takes the callers that wait (``take(alongside:)``), stores
/// their tasks with its own, and then passes its place on (``finish()``) to the caller that has waited longest, which leads the next
/// group. So callers gather only while the database is busy, and nobody serves others for longer than its own task takes.
///
/// Invariant: while anybody waits, all places are taken, so whoever finishes finds the waiting ones.
struct EnqueueGroupStateMachine<Waiter> {
  struct Follower {
    let id: UInt64
    let task: NewTask
    let waiter: Waiter
  }

  private let maxGroups: Int
  private let maxTasks: Int
  private let maxBytes: Int
  private let maxWaiters: Int
  private(set) var groupCount = 0
  private var waiting = Deque<Follower>()

  /// - Parameters:
  ///   - maxGroups: Groups under way at any time.
  ///   - maxTasks: Tasks of one group, the leader's included.
  ///   - maxBytes: Payload bytes of one group, unless the leader's task alone has more.
  ///   - maxWaiters: Callers that wait at any time.
  init(maxGroups: Int, maxTasks: Int, maxBytes: Int, maxWaiters: Int) {
    self.maxGroups = maxGroups
    self.maxTasks = maxTasks
    self.maxBytes = maxBytes
    self.maxWaiters = maxWaiters
  }

  var waiterCount: Int { waiting.count }

  /// Takes a place if there is one. False: wait.
  mutating func lead() -> Bool {
    guard groupCount < maxGroups else { return false }
    groupCount += 1
    return true
  }

  /// Lets a caller wait, directly after ``lead()`` said no. False: too many wait already.
  mutating func wait(_ follower: Follower) -> Bool {
    guard waiting.count < maxWaiters else { return false }
    waiting.append(follower)
    return true
  }

  /// Takes out a cancelled caller; nil if it leads, or is being served.
  mutating func cancel(id: UInt64) -> Waiter? {
    guard let index = waiting.firstIndex(where: { $0.id == id }) else { return nil }
    return waiting.remove(at: index).waiter
  }

  /// The callers whose tasks go with the leader's, longest waiting first.
  mutating func take(alongside task: NewTask) -> [Follower] {
    var followers: [Follower] = []
    var bytes = task.payload.count
    while followers.count + 1 < maxTasks, let next = waiting.first {
      bytes += next.task.payload.count
      guard bytes <= maxBytes else { break }
      followers.append(waiting.removeFirst())
    }
    return followers
  }

  /// Takes out the waiting callers that meet a condition, without serving them.
  mutating func giveUp(where isHopeless: (Waiter) -> Bool) -> [Waiter] {
    let hopeless = waiting.map(\.waiter).filter(isHopeless)
    if !hopeless.isEmpty { waiting.removeAll { isHopeless($0.waiter) } }
    return hopeless
  }

  /// A leader's group is done.
  ///
  /// - Returns: who leads in its place; nil: nobody waits, and the place is free.
  mutating func finish() -> Waiter? {
    if let next = waiting.popFirst() { return next.waiter }
    groupCount -= 1
    return nil
  }
}
