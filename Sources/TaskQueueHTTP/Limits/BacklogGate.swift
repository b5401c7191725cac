public import Libpq
import Synchronization

/// Refuses new work while too much of it is open.
///
/// What is open says the app, by SQL or by a closure. It is asked at most once per ``freshness`` and process; in between a process adds what it
/// lets in itself, so n processes exceed the limit by what n of them accept within the freshness, not more.
public final class BacklogGate: Sendable {
  private struct State {
    var open = 0
    /// Let in since the process began.
    var admitted = 0
    /// Of those, whose work has ended: only they are counted for sure, if they are anywhere.
    var ended = 0
    var countedAt: ContinuousClock.Instant?
    var isCounted = false
  }

  /// The most that may be open; at least 1.
  public let limit: Int
  /// How old a count may be.
  public let freshness: Duration
  let refusal: ProblemError
  private let count: @Sendable (_ limit: Int) async throws -> Int
  private let clock: @Sendable () -> ContinuousClock.Instant
  private let state = Mutex(State())

  /// - Parameters:
  ///   - freshness: 200 ms by default.
  ///   - refusal: What is thrown when it is full, with `Retry-After` if its kind has that. 429 by default; ``ProblemKind/unavailable`` for 503.
  ///   - clock: What the freshness is measured by.
  ///   - count: Tells how much is open. It need not count beyond the limit that it is given.
  public init(
    limit: Int,
    freshness: Duration = .milliseconds(200),
    refusal: ProblemError = ProblemError(.backlogFull),
    clock: @escaping @Sendable () -> ContinuousClock.Instant = { .now },
    count: @escaping @Sendable (_ limit: Int) async throws -> Int
  ) {
    precondition(limit > 0, "a limit is at least 1")
    self.limit = limit
    self.freshness = freshness
    self.refusal = refusal
    self.count = count
    self.clock = clock
  }

  /// Counts rows.
  ///
  /// ```swift
  /// BacklogGate(limit: 10_000, pool: client.pool, rows: "SELECT FROM shop.parcel WHERE sent_at IS NULL")
  /// ```
  ///
  /// - Parameters:
  ///   - rows: A query whose rows are what is open; an index should find them. No more rows than the limit are read. Never build it
  ///     from untrusted text.
  public convenience init(
    limit: Int,
    pool: LibpqPool,
    rows: String,
    freshness: Duration = .milliseconds(200),
    refusal: ProblemError = ProblemError(.backlogFull)
  ) {
    let sql = "SELECT count(*) FROM (SELECT FROM (\(rows)) AS work LIMIT $1) AS open"
    self.init(limit: limit, freshness: freshness, refusal: refusal) { limit in
      Int(try await pool.query(sql, [.int8(Int64(limit))])[0].int8(0))
    }
  }

  /// Lets `work` in, or refuses it.
  ///
  /// - Parameters:
  ///   - things: How many things more `work` makes that are open, at most. One by default; above zero.
  ///   - work: Makes them, or fails; either way it has ended when it returns or throws.
  /// - Throws: ``ProblemError`` with `Retry-After` when there is no room for all; what `count` and `work` throw.
  public func admit<Value>(_ things: Int = 1, _ work: () async throws -> Value) async throws -> Value {
    try await admit(things) { (try await work(), true) }
  }

  /// The same for work that says whether it made anything; if not, its place is free again.
  func admit<Value>(_ things: Int = 1, _ work: () async throws -> (Value, isMade: Bool)) async throws -> Value {
    try await enter(things)
    var isMade = true
    defer {
      state.withLock { state in
        if isMade {
          state.ended += things
        } else {
          state.open -= things
          state.admitted -= things
        }
      }
    }
    let (value, made) = try await work()
    isMade = made
    return value
  }

  /// How much is open now, counted anew, up to the limit.
  public func open() async throws -> Int {
    try await count(limit)
  }

  private func enter(_ things: Int) async throws {
    let now = clock()
    let endedBefore: Int? = state.withLock { state in
      if state.isCounted, let countedAt = state.countedAt, now - countedAt < freshness { return nil }
      // The others go by the old number while this one counts; without one, everybody counts.
      state.countedAt = now
      return state.ended
    }
    if let endedBefore {
      let open = try await self.open()
      state.withLock { state in
        // What hadn't ended then, or was let in meanwhile, may or may not have been counted.
        state.open = open + state.admitted - endedBefore
        state.isCounted = true
      }
    }
    let isAdmitted = state.withLock { state in
      guard state.open <= limit - things else { return false }
      state.open += things
      state.admitted += things
      return true
    }
    if !isAdmitted { throw refusal }
  }
}
