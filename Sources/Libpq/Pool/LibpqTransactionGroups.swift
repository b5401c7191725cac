import Synchronization

/// Lets concurrent transactions share a connection and a commit.
///
/// Who comes while others commit waits for the next group, so callers gather only while the database is busy, and one alone is served at
/// once. The bodies of a group run one after the other, in one transaction. If one of them throws, waits too long for a lock, or the commit
/// fails, all of it is rolled back and each body runs once more, in a transaction of its own: nobody pays for another's failure but by the
/// time it takes.
///
/// Worth it for short transactions of many callers at once: commits, and processes of the server that take turns, are what they cost most.
/// A body does nothing but ask the database: it holds up the others of its group, and may run twice.
public final class LibpqTransactionGroups: Sendable {
  /// Two: one group commits while the next one runs.
  private static let maxGroups = 2
  private static let maxWaiters = 10_000

  /// Why a waiting caller goes on.
  private enum Turn: Sendable {
    case lead
    /// Its body has run, and was committed.
    case served
    /// Nothing of its group was committed.
    case alone
    case failed(any Error)
  }

  private struct Member: Sendable {
    let order: String
    let body: @Sendable (LibpqTransaction) async throws -> Void
    let continuation: CheckedContinuation<Turn, Never>
  }

  private let pool: LibpqPool
  private let lockTimeout: Duration
  private let machine: Mutex<GroupStateMachine<Member>>
  private let nextID = Atomic<UInt64>(0)

  /// - Parameters:
  ///   - pool: lends two connections at most for groups, and one for each caller whose group failed.
  ///   - maxMembers: Transactions of one group.
  ///   - lockTimeout: The longest that a group waits for a lock, one of a single caller too; run again by itself, outside of the groups, a
  ///     body waits as long as the session lets it.
  public init(pool: LibpqPool, maxMembers: Int = 32, lockTimeout: Duration = .milliseconds(250)) {
    precondition(maxMembers > 0 && lockTimeout > .zero, "a group has a member, and a lock's wait is above zero")
    self.pool = pool
    self.lockTimeout = lockTimeout
    machine = Mutex(.init(maxGroups: Self.maxGroups, maxMembers: maxMembers, maxWaiters: Self.maxWaiters))
  }

  /// As ``LibpqPool/withTransaction(_:_:)``, perhaps in one transaction with others.
  ///
  /// - Parameters:
  ///   - order: Of the bodies in a group: what is locked, so that two groups lock it in the same order.
  ///   - body: Runs twice at most, the second time with nothing of the first one left.
  /// - Throws: what `body` throws, and what `LibpqPool.withTransaction` throws. If the end of a group's COMMIT stays unknown, so it is for
  ///   each of its callers.
  public func withTransaction<Value: Sendable>(
    order: String,
    _ body: @escaping @Sendable (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    // Who waits takes no connection, but waits for one all the same.
    try pool.refuseNestedUse()
    let value = Mutex<Value?>(nil)
    let run: @Sendable (LibpqTransaction) async throws -> Void = { transaction in
      let result = try await body(transaction)
      value.withLock { $0 = result }
    }
    var turn = Turn.lead
    if !machine.withLock({ $0.lead() }) { turn = await self.turn(order, run) }
    if case .lead = turn { turn = await lead(order, run) }
    switch turn {
    case .failed(let error): throw error
    case .lead, .alone: return try await pool.withTransaction { try await body($0) }
    case .served:
      guard let value = value.withLock({ $0 }) else { preconditionFailure("a body that has run has a value") }
      return value
    }
  }

  /// Callers that wait at this instant.
  var waiterCount: Int { machine.withLock { $0.waiterCount } }

  private func turn(_ order: String, _ body: @escaping @Sendable (LibpqTransaction) async throws -> Void) async -> Turn
  {
    let id = nextID.wrappingAdd(1, ordering: .relaxed).newValue
    return await withTaskCancellationHandler {
      await withCheckedContinuation { continuation in
        let turn = machine.withLock { machine -> Turn? in
          if Task.isCancelled { return .failed(Self.cancelled) }
          // Somebody may have finished since the first look.
          if machine.lead() { return .lead }
          let member = Member(order: order, body: body, continuation: continuation)
          return machine.wait(member, id: id) ? nil : .failed(Self.tooManyWaiters)
        }
        if let turn { continuation.resume(returning: turn) }
      }
    } onCancel: {
      machine.withLock { $0.cancel(id: id) }?.continuation.resume(returning: .failed(Self.cancelled))
    }
  }

  private static var cancelled: LibpqError { LibpqError(.cancelled, "the task was cancelled before its transaction") }

  private static var tooManyWaiters: LibpqError {
    LibpqError(.poolExhausted, "too many callers wait for a group of transactions")
  }

  /// Runs a group, and passes the place on.
  private func lead(_ order: String, _ body: @escaping @Sendable (LibpqTransaction) async throws -> Void) async -> Turn
  {
    let followers = Mutex<[Member]>([])
    let beganAt = Mutex<ContinuousClock.Instant?>(nil)
    let isCommitting = Atomic<Bool>(false)
    let end: Turn
    do {
      try await pool.withTransaction(.init(lockTimeout: lockTimeout)) { transaction in
        // Only now: who came while this caller waited for a connection goes along.
        let taken = machine.withLock { $0.take() }
        followers.withLock { $0 = taken }
        beganAt.withLock { $0 = .now }
        let bodies = taken.map { ($0.order, $0.body) } + [(order, body)]
        for (_, body) in bodies.sorted(by: { $0.0 < $1.0 }) { try await body(transaction) }
        isCommitting.store(true, ordering: .relaxed)
      }
      end = .served
    } catch {
      let isUnknown = isCommitting.load(ordering: .relaxed) && (error as? LibpqError)?.isOutcomeUnknown == true
      // One alone that took so long may have met a lock: whoever waits longer for it does so without a place.
      let isLate = beganAt.withLock { $0 }.map { .now - $0 >= lockTimeout } ?? false
      end = isUnknown || followers.withLock(\.isEmpty) && !isLate ? .failed(error) : .alone
    }
    machine.withLock { $0.finish() }?.continuation.resume(returning: .lead)
    for follower in followers.withLock({ $0 }) { follower.continuation.resume(returning: end) }
    return end
  }
}
