import Synchronization

/// A bounded set of connections, opened when needed and lent exclusively.
///
/// There is no background task: connections are opened by the caller that needs one, and one that is too old is closed when it is lent or
/// returned. Callers wait in order; a waiting caller that is cancelled leaves the queue. The connection used last is lent first.
public final class LibpqPool: LibpqQueryable {
  /// Why a waiting caller was woken.
  private enum Turn: Sendable {
    case connection(PooledConnection)
    case slot
    case failed(LibpqError)
  }

  /// A connection with the end of its life.
  struct PooledConnection: Sendable {
    let connection: LibpqConnection
    let expiry: ContinuousClock.Instant
  }

  private typealias Machine = PoolStateMachine<
    PooledConnection, CheckedContinuation<Turn, Never>, ContinuousClock.Instant
  >

  /// How each connection is opened.
  public let configuration: LibpqConfiguration
  private let maxLifetime: Duration
  private let machine: Mutex<Machine>
  private let nextWaiterID = Atomic<UInt64>(0)

  /// Creates a pool; opens nothing.
  ///
  /// - Parameters:
  ///   - maxConnections: The most connections at any time, at least 1.
  ///   - maxLifetime: Older connections are closed instead of lent again, so that load balancers and failovers take effect.
  ///   - maxWaiters: The most callers that wait at any time; one more gets ``LibpqError/Code/poolExhausted``.
  public init(
    _ configuration: LibpqConfiguration,
    maxConnections: Int = 8,
    maxLifetime: Duration = .seconds(1800),
    maxWaiters: Int = 10_000
  ) {
    precondition(maxConnections > 0, "a pool needs at least one connection")
    self.configuration = configuration
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

  @discardableResult
  public func executeScript(_ sql: String) async throws(LibpqError) -> LibpqResult? {
    let lent = try await lease()
    defer { release(lent) }
    return try await lent.connection.executeScript(sql)
  }

  /// Lends a connection to `body` alone. A connection that is broken or left inside a transaction is closed afterwards.
  ///
  /// - Throws: what `body` throws; ``LibpqError/Code/connectFailed``, ``LibpqError/Code/cancelled`` while waiting,
  ///   ``LibpqError/Code/poolClosed``, ``LibpqError/Code/poolExhausted``.
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
  func lease() async throws(LibpqError) -> PooledConnection {
    while true {
      let (lease, expired) = machine.withLock { $0.lease(now: .now) }
      // Dropping them closes them.
      _ = expired
      switch lease {
      case .use(let pooled):
        if pooled.connection.isQuiet { return pooled }
        // Closed by the server while idle: not this caller's fault, so it gets another one.
        settle(machine.withLock { $0.slotFailed() })
      case .open: return try await open()
      case .wait:
        switch await waitForTurn() {
        case .connection(let pooled): return pooled
        case .slot: return try await open()
        case .failed(let error): throw error
        }
      case .exhausted: throw LibpqError(.poolExhausted, "too many callers wait for a connection")
      case .closed: throw LibpqError(.poolClosed, "the pool was closed")
      }
    }
  }

  /// Gives a connection back, to be lent again if nothing is left open on it.
  func release(_ pooled: PooledConnection) {
    let isReusable = pooled.connection.isIdle
    settle(
      machine.withLock { $0.release(pooled, isReusable: isReusable, expiry: pooled.expiry, now: .now) }
    )
  }

  private func open() async throws(LibpqError) -> PooledConnection {
    do throws(LibpqError) {
      let connection = try await LibpqConnection.connect(configuration)
      return PooledConnection(connection: connection, expiry: .now + maxLifetime)
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

  private func waitForTurn() async -> Turn {
    let id = nextWaiterID.wrappingAdd(1, ordering: .relaxed).newValue
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        // Dropped, and so closed, after the lock is released.
        var expired: [PooledConnection] = []
        defer { withExtendedLifetime(expired) {} }
        let turn = machine.withLock { machine -> Turn? in
          if Task.isCancelled { return .failed(LibpqError(.cancelled, "the task was cancelled")) }
          // Somebody may have returned a connection since the first look.
          let (lease, late) = machine.lease(now: .now)
          expired = late
          switch lease {
          case .use(let pooled): return .connection(pooled)
          case .open: return .slot
          case .wait:
            machine.enqueue(continuation, id: id)
            return nil
          case .exhausted: return .failed(LibpqError(.poolExhausted, "too many callers wait for a connection"))
          case .closed: return .failed(LibpqError(.poolClosed, "the pool was closed"))
          }
        }
        if let turn { continuation.resume(returning: turn) }
      }
    } onCancel: {
      let waiter = machine.withLock { $0.cancelWaiter(id: id) }
      waiter?.resume(
        returning: .failed(LibpqError(.cancelled, "the task was cancelled while it waited for a connection"))
      )
    }
  }
}

extension LibpqPool {
  /// How many connections are idle and lent, and how many callers wait, at this instant.
  public var counts: (idle: Int, lent: Int, waiting: Int) {
    machine.withLock { ($0.idleCount, $0.lentCount, $0.waiterCount) }
  }
}
