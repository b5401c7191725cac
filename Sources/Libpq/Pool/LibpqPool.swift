import Synchronization

/// A bounded set of connections, opened when needed and lent exclusively.
///
/// There is no background task: connections are opened by the caller that needs one, and one that is too old is closed when it is lent or
/// returned. Callers wait in order, for ``acquireTimeout`` at most; a waiting caller that is cancelled leaves the queue. The connection used
/// last is lent first.
///
/// When a connection shows that its server cannot be relied on - no answer in time, writes refused as read-only, a session ended by an
/// administrator or a shutdown - all connections that are open at that moment are closed instead of lent again.
public final class LibpqPool: LibpqQueryable {
  /// Why a waiting caller was woken.
  private enum Turn: Sendable {
    case connection(PooledConnection)
    case slot
    case timedOut
    case failed(LibpqError)

    var isTimedOut: Bool {
      if case .timedOut = self { true } else { false }
    }
  }

  /// A connection with the end of its life.
  struct PooledConnection: Sendable {
    let connection: LibpqConnection
    let expiry: ContinuousClock.Instant
    let generation: UInt64
  }

  private typealias Machine = PoolStateMachine<
    PooledConnection, CheckedContinuation<Turn, Never>, ContinuousClock.Instant
  >

  /// How each connection is opened.
  public let configuration: LibpqConfiguration
  /// How long a caller waits for a connection that others hold, before it gets ``LibpqError/Code/acquireTimeout``.
  public let acquireTimeout: Duration
  private let maxConnections: Int
  private let maxLifetime: Duration
  private let machine: Mutex<Machine>
  private let waits = Mutex(WaitTotals())
  private let nextWaiterID = Atomic<UInt64>(0)

  /// Creates a pool; opens nothing.
  ///
  /// - Parameters:
  ///   - maxConnections: The most connections at any time, at least 1.
  ///   - maxLifetime: Older connections are closed instead of lent again, so that load balancers and failovers take effect.
  ///   - maxWaiters: The most callers that wait at any time; one more gets ``LibpqError/Code/poolExhausted``.
  ///   - acquireTimeout: The longest wait for a connection that others hold; the time to open one comes on top
  ///     (``LibpqConfiguration/connectTimeout``).
  public init(
    _ configuration: LibpqConfiguration,
    maxConnections: Int = 8,
    maxLifetime: Duration = .seconds(1800),
    maxWaiters: Int = 10_000,
    acquireTimeout: Duration = .seconds(10)
  ) {
    precondition(maxConnections > 0, "a pool needs at least one connection")
    self.configuration = configuration
    self.acquireTimeout = acquireTimeout
    self.maxConnections = maxConnections
    self.maxLifetime = maxLifetime
    machine = Mutex(Machine(maximum: maxConnections, maxWaiters: maxWaiters))
  }

  public func query(_ statement: LibpqStatement) async throws(LibpqError) -> LibpqResult {
    let lent = try await lease()
    defer { release(lent) }
    return try await lent.connection.query(statement)
  }

  public func pipeline(_ statements: [LibpqStatement]) async throws(LibpqError) -> [LibpqResult] {
    let lent = try await lease()
    defer { release(lent) }
    return try await lent.connection.pipeline(statements)
  }

  /// As ``query(_:)``, but the whole call ends within `limit`, whatever hangs: the wait for a connection, opening one, the statement, and
  /// the answer to a cancel request. From three quarters of the limit on it is cancelled, and at its end the connection is closed.
  ///
  /// Needs no thread of Swift's cooperative pool but the caller's own executor.
  ///
  /// - Throws: also ``LibpqError/Code/timeout``.
  public func query(_ statement: LibpqStatement, within limit: Duration) async throws(LibpqError) -> LibpqResult {
    let deadline = CallDeadline(within: limit)
    let lent = try await lease(deadline)
    defer { release(lent) }
    return try await lent.connection.query(statement, deadline)
  }

  /// As ``pipeline(_:)``, but the whole call ends within `limit`; see ``query(_:within:)``.
  public func pipeline(
    _ statements: [LibpqStatement],
    within limit: Duration
  ) async throws(LibpqError) -> [LibpqResult] {
    let deadline = CallDeadline(within: limit)
    let lent = try await lease(deadline)
    defer { release(lent) }
    return try await lent.connection.pipeline(statements, deadline)
  }

  @discardableResult
  public func executeScript(_ sql: String) async throws(LibpqError) -> LibpqResult? {
    let lent = try await lease()
    defer { release(lent) }
    return try await lent.connection.executeScript(sql)
  }

  /// Lends a connection to `body` alone. A connection that is broken or left inside a transaction is closed afterwards.
  ///
  /// - Throws: what `body` throws; ``LibpqError/Code/connectFailed``, ``LibpqError/Code/cancelled`` while waiting,
  ///   ``LibpqError/Code/acquireTimeout``, ``LibpqError/Code/nestedUse``, ``LibpqError/Code/poolClosed``, ``LibpqError/Code/poolExhausted``.
  public func withConnection<Value>(_ body: (LibpqConnection) async throws -> Value) async throws -> Value {
    let lent = try await lease()
    defer { release(lent) }
    return try await body(lent.connection)
  }

  /// Closes the idle connections now and the lent ones on their return; waiting and later callers get ``LibpqError/Code/poolClosed``.
  /// Waits for nobody. Idempotent.
  public func close() async {
    let (connections, waiters) = machine.withLock { $0.close() }
    for waiter in waiters { waiter.resume(returning: .failed(LibpqError(.poolClosed, "the pool was closed"))) }
    for pooled in connections { await pooled.connection.close() }
  }

  // MARK: - Lending

  /// Takes a connection: an idle one, a new one, or after a wait.
  func lease(_ deadline: CallDeadline? = nil) async throws(LibpqError) -> PooledConnection {
    try refuseNestedUse()
    while true {
      let (lease, expired) = machine.withLock { $0.lease(now: .now) }
      // Dropping them closes them.
      _ = expired
      switch lease {
      case .use(let pooled):
        if pooled.connection.isQuiet { return pooled }
        // Closed by the server while idle: not this caller's fault, so it gets another one.
        settle(machine.withLock { $0.slotFailed() })
      case .open: return try await open(deadline)
      case .wait: return try await wait(deadline)
      case .exhausted: throw LibpqError(.poolExhausted, "too many callers wait for a connection")
      case .closed: throw LibpqError(.poolClosed, "the pool was closed")
      }
    }
  }

  /// Gives a connection back, to be lent again if nothing is left open on it.
  func release(_ pooled: PooledConnection) {
    let (isReusable, isDoubtful) = pooled.connection.returnState
    // Dropped, and so closed, after the lock is released.
    let (release, distrusted) = machine.withLock { machine in
      let distrusted = isDoubtful && pooled.generation == machine.generation ? machine.distrust() : []
      let release = machine.release(
        pooled,
        isReusable: isReusable,
        generation: pooled.generation,
        expiry: pooled.expiry,
        now: .now
      )
      return (release, distrusted)
    }
    withExtendedLifetime(distrusted) { settle(release) }
  }

  private func open(_ deadline: CallDeadline?) async throws(LibpqError) -> PooledConnection {
    let generation = machine.withLock { $0.generation }
    do throws(LibpqError) {
      let connection = try await LibpqConnection.connect(configuration, deadline)
      try await connection.learnTimeline(deadline)
      return PooledConnection(connection: connection, expiry: .after(maxLifetime), generation: generation)
    } catch {
      settle(machine.withLock { $0.slotFailed() })
      throw error
    }
  }

  private func settle(_ release: Machine.Release) {
    switch release {
    case .nothing: break
    // Dropping the connection closes it.
    case .close: break
    case .hand(let waiter, let pooled): waiter.resume(returning: .connection(pooled))
    case .handSlot(let waiter, _): waiter.resume(returning: .slot)
    }
  }

  // MARK: - Waiting

  private func wait(_ deadline: CallDeadline?) async throws(LibpqError) -> PooledConnection {
    let start = ContinuousClock.now
    let own = ContinuousClock.Instant.after(acquireTimeout, start)
    let end = min(own, deadline?.cancelAt ?? own)
    let turn = await waitForTurn(until: end)
    waits.withLock { $0.add(ContinuousClock.now - start, hasTimedOut: turn.isTimedOut) }
    switch turn {
    case .connection(let pooled): return pooled
    case .slot: return try await open(deadline)
    case .failed(let error): throw error
    case .timedOut:
      let counts = counts
      throw LibpqError(
        end == own ? .acquireTimeout : .timeout,
        """
        no connection became free within \((end - start).rounded): \(counts.lent) of \(maxConnections) are lent, \(counts.waiting) callers wait. \
        Hold connections and transactions for a shorter time, or raise the pool's maxConnections.
        """
      )
    }
  }

  private func waitForTurn(until end: ContinuousClock.Instant) async -> Turn {
    let id = nextWaiterID.wrappingAdd(1, ordering: .relaxed).newValue
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // Dropped, and so closed, after the lock is released.
        var expired: [PooledConnection] = []
        defer { withExtendedLifetime(expired) {} }
        var alarm: ContinuousClock.Instant?
        let turn = machine.withLock { machine -> Turn? in
          if Task.isCancelled { return .failed(LibpqError(.cancelled, "the task was cancelled")) }
          // Somebody may have returned a connection since the first look.
          let (lease, late) = machine.lease(now: .now)
          expired = late
          switch lease {
          case .use(let pooled): return .connection(pooled)
          case .open: return .slot
          case .wait:
            alarm = machine.enqueue(continuation, id: id, deadline: end)
            return nil
          case .exhausted: return .failed(LibpqError(.poolExhausted, "too many callers wait for a connection"))
          case .closed: return .failed(LibpqError(.poolClosed, "the pool was closed"))
          }
        }
        if let alarm { setAlarm(alarm) }
        if let turn { continuation.resume(returning: turn) }
      }
    } onCancel: {
      let waiter = machine.withLock { $0.cancelWaiter(id: id) }
      waiter?.resume(
        returning: .failed(LibpqError(.cancelled, "the task was cancelled while it waited for a connection"))
      )
    }
  }

  private func setAlarm(_ instant: ContinuousClock.Instant) {
    let isSet = DeadlineTimer.shared.schedule(at: instant) { [weak self] in self?.expireWaiters(now: .now) }
    // Without a thread for the timer no wait has an end, so nobody may begin one.
    if !isSet { expireWaiters(now: .after(.seconds(3_155_760_000))) }
  }

  private func expireWaiters(now: ContinuousClock.Instant) {
    let (expired, next) = machine.withLock { $0.expire(now: now) }
    for waiter in expired { waiter.resume(returning: .timedOut) }
    if let next { setAlarm(next) }
  }
}

extension LibpqPool {
  /// The pool's numbers at this instant.
  public var counts: LibpqPoolStatistics {
    let totals = waits.withLock { $0 }
    return machine.withLock { machine in
      LibpqPoolStatistics(
        idle: machine.idleCount,
        lent: machine.lentCount,
        waiting: machine.waiterCount,
        waits: totals.count,
        waitTime: totals.time,
        acquireTimeouts: totals.timeouts
      )
    }
  }

  /// What the waits for a connection have cost since the pool was made.
  fileprivate struct WaitTotals {
    var count = 0
    var time = Duration.zero
    var timeouts = 0

    mutating func add(_ wait: Duration, hasTimedOut: Bool) {
      count += 1
      time += wait
      if hasTimedOut { timeouts += 1 }
    }
  }
}
