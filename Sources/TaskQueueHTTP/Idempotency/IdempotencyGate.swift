import HTTPTypes
public import Libpq

/// Does a request once and answers its repetitions with the first answer.
///
/// The key's row is written first, and commits together with what the request does and with the answer: all of them are there, or none. A
/// concurrent request with the same key waits for that transaction, and then gets the same answer: a client that repeats itself quickly is
/// served, instead of being told to ask again. If waiting takes longer than ``lockTimeout``, it is told so with 409. When the process that
/// works on the first one dies, its transaction rolls back, and one that waits does the work.
///
/// What throws leaves its key free, so a request can be corrected and sent again under it. Check what needs no transaction before: the rules of
/// the body, and the caller's rights, which a repetition needs too.
public struct IdempotencyGate: Sendable {
  public let store: IdempotencyStore
  /// Where the app's tables and its tasks are.
  public let pool: LibpqPool
  /// How long a key is remembered. As long as clients repeat themselves, and then some.
  public var lifetime: Duration
  /// Longest wait for another request with the same key to commit, and for any other lock in the transaction. Above zero; it holds a connection of
  /// the pool meanwhile.
  public var lockTimeout: Duration

  /// - Parameters:
  ///   - lifetime: A day by default.
  ///   - lockTimeout: Five seconds by default.
  public init(
    store: IdempotencyStore,
    pool: LibpqPool,
    lifetime: Duration = .seconds(86_400),
    lockTimeout: Duration = .seconds(5)
  ) {
    self.store = store
    self.pool = pool
    self.lifetime = lifetime
    self.lockTimeout = lockTimeout
  }

  /// The answer to a request: that of `work`, or if the key is known the one that was given then, with `Idempotency-Replayed: true`.
  ///
  /// Costs two statements, and those of `work`, in one transaction.
  ///
  /// - Parameters:
  ///   - fingerprint: Of what has to be the same under one key.
  ///   - backlog: Lets nothing new in while too much is open; repetitions are answered all the same.
  ///   - work: What is done once, in the transaction. It may run again after it threw. Nothing outside of the database belongs there.
  /// - Throws: ``ProblemError``: `idempotency-key-reused`, `idempotency-key-in-use`, what `backlog` throws; what `work` throws, with nothing
  ///   done and the key free; `LibpqError`, after which the same request under the same key is safe whatever became of this one.
  public func answer(
    _ key: RequestKey,
    _ fingerprint: RequestFingerprint,
    backlog: BacklogGate? = nil,
    _ work: (LibpqTransaction) async throws -> IdempotentAnswer
  ) async throws -> IdempotentAnswer {
    guard let backlog else { return try await answerOnce(key, fingerprint, work) }
    do {
      let answer = try await backlog.admit {
        () async throws -> (Result<IdempotentAnswer, ProblemError>, isMade: Bool) in
        do {
          let answer = try await answerOnce(key, fingerprint, work)
          return (.success(answer), !answer.isReplayed)
        } catch let problem as ProblemError {
          return (.failure(problem), false)
        }
      }
      return try answer.get()
    } catch let refusal as ProblemError where refusal == backlog.refusal {
      guard let recorded = try await store.find(key, in: pool) else { throw refusal }
      return try replay(recorded, fingerprint)
    }
  }

  private func answerOnce(
    _ key: RequestKey,
    _ fingerprint: RequestFingerprint,
    _ work: (LibpqTransaction) async throws -> IdempotentAnswer
  ) async throws -> IdempotentAnswer {
    // Read committed: a transaction that has waited for another sees what that one wrote.
    try await pool.withTransaction(.init(isolationLevel: .readCommitted)) { transaction in
      try await answer(key, fingerprint, in: transaction) { try await work(transaction) }
    }
  }

  /// The same for one of several requests of a batch, in a transaction of the caller's that commits all of them.
  ///
  /// What throws undoes nothing by itself: use a savepoint for each request, so that it leaves its key free and the others alone.
  ///
  /// - Precondition: The transaction is read committed: one that has waited for another has to see what that one wrote.
  public func answer(
    _ key: RequestKey,
    _ fingerprint: RequestFingerprint,
    in transaction: LibpqTransaction,
    _ work: () async throws -> IdempotentAnswer
  ) async throws -> IdempotentAnswer {
    guard try await take(key, fingerprint, in: transaction) else {
      guard let recorded = try await store.find(key, in: transaction) else { throw ProblemError(.keyInUse) }
      return try replay(recorded, fingerprint)
    }
    let answer = try await work()
    try await store.record(answer, for: key, in: transaction)
    return answer
  }

  private func take(
    _ key: RequestKey,
    _ fingerprint: RequestFingerprint,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    do {
      return try await store.take(key, fingerprint, lifetime: lifetime, lockTimeout: lockTimeout, in: transaction)
    } catch let error as LibpqError where error.sqlState == "55P03" {
      throw ProblemError(.keyInUse)
    }
  }

  private func replay(
    _ recorded: IdempotencyStore.Recorded,
    _ fingerprint: RequestFingerprint
  ) throws(ProblemError) -> IdempotentAnswer {
    guard recorded.fingerprint == fingerprint.digest else { throw ProblemError(.keyReused) }
    var answer = recorded.answer
    answer.fields[.idempotencyReplayed] = "true"
    return answer
  }
}
