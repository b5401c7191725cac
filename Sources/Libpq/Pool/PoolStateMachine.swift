import DequeModule

/// What a pool decides, without locks, clocks, connections or continuations of its own.
///
/// A *slot* is the right to hold one connection; there are `maximum`. A slot is idle (with an open connection), or lent (with one, or to open
/// one).
struct PoolStateMachine<Connection, Waiter, Instant: Comparable> {
  /// What the caller of ``lease(now:)`` does next.
  enum Lease {
    /// Use this one.
    case use(Connection)
    /// Open one; then ``release(_:isReusable:generation:expiry:now:)`` or ``slotFailed()``.
    case open
    /// Enqueue a waiter.
    case wait
    case exhausted
    case closed
  }

  /// What to do after a slot came back.
  enum Release {
    case nothing
    case close(Connection)
    /// Resume this waiter with that connection.
    case hand(Waiter, Connection)
    /// Resume this waiter, which then opens a connection; close the old one, if any.
    case handSlot(Waiter, closing: Connection?)
  }

  private struct Idle {
    let connection: Connection
    let expiry: Instant
  }

  private let maximum: Int
  private let maxWaiters: Int
  private var slotsInUse = 0
  /// The last one returned is the first one used, so that unneeded ones age.
  private var idle: [Idle] = []
  private var waiters = Deque<(id: UInt64, waiter: Waiter, deadline: Instant)>()
  /// When the shell's timer is due; no waiter's deadline is earlier.
  private var alarm: Instant?
  /// Connections of earlier generations are not lent again; see ``distrust()``.
  private(set) var generation: UInt64 = 0
  private var isClosed = false

  init(maximum: Int, maxWaiters: Int) {
    self.maximum = maximum
    self.maxWaiters = maxWaiters
  }

  var idleCount: Int { idle.count }
  var lentCount: Int { slotsInUse - idle.count }
  var waiterCount: Int { waiters.count }

  /// Takes a slot. Expired connections are handed back to be closed.
  mutating func lease(now: Instant) -> (Lease, expired: [Connection]) {
    guard !isClosed else { return (.closed, []) }
    var expired: [Connection] = []
    // Nobody waits while there are idle connections, so this is fair.
    while let last = idle.popLast() {
      if last.expiry > now { return (.use(last.connection), expired) }
      slotsInUse -= 1
      expired.append(last.connection)
    }
    if slotsInUse < maximum {
      slotsInUse += 1
      return (.open, expired)
    }
    return (waiters.count < maxWaiters ? .wait : .exhausted, expired)
  }

  /// Appends a waiter, directly after ``lease(now:)`` said so. ``expire(now:)`` is to be called at the instant returned, if there is one.
  mutating func enqueue(_ waiter: Waiter, id: UInt64, deadline: Instant) -> Instant? {
    waiters.append((id, waiter, deadline))
    if let alarm, alarm <= deadline { return nil }
    alarm = deadline
    return deadline
  }

  /// Takes out the waiters whose deadline has come; says when to look again.
  mutating func expire(now: Instant) -> (expired: [Waiter], next: Instant?) {
    // An earlier timer may have been replaced by this one, and come all the same.
    let expired = waiters.filter { $0.deadline <= now }.map(\.waiter)
    if !expired.isEmpty { waiters.removeAll { $0.deadline <= now } }
    if let alarm, alarm > now { return (expired, nil) }
    alarm = waiters.lazy.map(\.deadline).min()
    return (expired, alarm)
  }

  /// No connection that is open now is lent again: the idle ones are handed back to be closed, the lent ones are on their return.
  mutating func distrust() -> [Connection] {
    generation += 1
    defer {
      slotsInUse -= idle.count
      idle = []
    }
    return idle.map(\.connection)
  }

  /// Takes out a waiter that was cancelled; nil if it has been served.
  mutating func cancelWaiter(id: UInt64) -> Waiter? {
    guard let index = waiters.firstIndex(where: { $0.id == id }) else { return nil }
    return waiters.remove(at: index).waiter
  }

  /// A lent connection comes back.
  mutating func release(
    _ connection: Connection,
    isReusable: Bool,
    generation: UInt64,
    expiry: Instant,
    now: Instant
  ) -> Release {
    guard !isClosed, isReusable, generation == self.generation, expiry > now else {
      guard !isClosed, let next = waiters.popFirst() else {
        slotsInUse -= 1
        return .close(connection)
      }
      return .handSlot(next.waiter, closing: connection)
    }
    if let next = waiters.popFirst() { return .hand(next.waiter, connection) }
    idle.append(Idle(connection: connection, expiry: expiry))
    return .nothing
  }

  /// A slot comes back without a connection: it could not be opened, or was found broken.
  mutating func slotFailed() -> Release {
    if !isClosed, let next = waiters.popFirst() { return .handSlot(next.waiter, closing: nil) }
    slotsInUse -= 1
    return .nothing
  }

  /// Refuses everything from now on; returns what is to be closed and who is to be told.
  mutating func close() -> (connections: [Connection], waiters: [Waiter]) {
    isClosed = true
    defer {
      slotsInUse -= idle.count
      idle = []
      waiters = []
    }
    return (idle.map(\.connection), waiters.map(\.waiter))
  }
}
