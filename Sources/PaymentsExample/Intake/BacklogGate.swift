import Libpq
import Synchronization

/// Refuses new payments while too many are open.
///
/// The database is asked for the number at most once per ``freshness`` and process, and never counts beyond the limit.
/// Between two counts a process adds what it lets in itself, so n processes exceed the limit by what n of them accept
/// within the freshness, not more.
final class BacklogGate: Sendable {
  static let freshness = Duration.milliseconds(200)

  private struct State {
    var open = 0
    /// Let in since the process began.
    var admitted = 0
    /// Of those, whose transaction has ended: only they are in the database for sure, if they are anywhere.
    var ended = 0
    var countedAt: ContinuousClock.Instant?
    var isCounted = false
  }

  /// The most payments that may be open; at least 1.
  let limit: Int
  private let pool: LibpqPool
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  init(limit: Int, pool: LibpqPool, clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now }) {
    self.limit = limit
    self.pool = pool
    self.clock = clock
  }

  /// Lets one payment in. ``end()`` has to follow.
  /// - Throws: `backlog-full`.
  func admit() async throws {
    let now = clock()
    let endedBefore: Int? = state.withLock { state in
      if state.isCounted, let countedAt = state.countedAt, now - countedAt < Self.freshness { return nil }
      // The others go by the old number while this one counts; without one, everybody counts.
      state.countedAt = now
      return state.ended
    }
    if let endedBefore {
      let open = try await self.open()
      state.withLock { state in
        // Who hadn't ended then, or was let in meanwhile, may or may not have been counted.
        state.open = open + state.admitted - endedBefore
        state.isCounted = true
      }
    }
    let isAdmitted = state.withLock { state in
      guard state.open < limit else { return false }
      state.open += 1
      state.admitted += 1
      return true
    }
    if !isAdmitted { throw ProblemError(.backlogFull, "At most \(limit) payments may be open at a time.") }
  }

  /// The transaction of one that was let in has ended, with a payment or without.
  func end() {
    state.withLock { $0.ended += 1 }
  }

  /// How many payments aren't final, counted up to the limit.
  func open() async throws -> Int {
    let result = try await pool.query(
      """
      SELECT count(*) FROM (
        SELECT 1 FROM payments.payment WHERE status NOT IN ('DONE', 'CANCELLED', 'FAILED') LIMIT $1
      ) open
      """,
      [.int8(Int64(limit))]
    )
    return Int(try result[0].int8(0))
  }
}
