extension LibpqPool {
  /// Runs `body` in a transaction on a connection of the pool; as ``LibpqConnection/withTransaction(_:_:)``, but resolves a COMMIT without an
  /// answer where it can.
  ///
  /// If the connection ends during COMMIT and ``LibpqTransaction/transactionID`` is known, new connections ask `pg_xact_status`: committed
  /// → the value is returned; aborted → ``LibpqError/Code/transactionAborted``, safe to retry; no answer within about 30 s, or the
  /// transaction still in progress → ``LibpqError/Code/commitOutcomeUnknown``.
  ///
  /// After a failover in between, "committed" is no answer: the new primary hands out the numbers of lost transactions again, so that may be
  /// another one. It stays ``LibpqError/Code/commitOutcomeUnknown``, unless the new primary says aborted.
  ///
  /// Inside `body`, its child tasks and the tasks it makes by `Task {}`, the pool lends no other connection until the transaction has ended:
  /// ``LibpqError/Code/nestedUse``.
  public func withTransaction<Value>(
    _ options: LibpqTransactionOptions = .init(),
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    let (end, timeline) = try await withConnection { connection in
      // Else every statement would cost two changes of threads.
      try await withTaskExecutorPreference(connection.core.thread) {
        let scope = TransactionScope(self)
        defer { scope.end() }
        return try await TransactionScope.$current.withValue(scope) {
          (try await connection.runTransaction(options, body), connection.timeline)
        }
      }
    }
    switch end {
    case .committed(let value): return value
    case .unknown(_, let error, transactionID: nil): throw error
    case .unknown(let value, let error, let transactionID?):
      switch await transactionStatus(transactionID, timeline) {
      case "committed": return value
      case "aborted":
        throw LibpqError(
          .transactionAborted,
          "the connection was lost during COMMIT, which rolled back",
          sqlState: error.sqlState
        )
      default: throw error
      }
    }
  }

  /// The bounds of the search for a transaction's outcome.
  private static var maxStatusAttempts: Int { 30 }
  private static var askTimeout: Duration { .seconds(5) }
  private static var statusPatience: Duration { .seconds(30) }

  /// Asks until the answer is final or the patience ends. Goes on in a cancelled task: the caller must learn what happened to its money.
  private func transactionStatus(_ id: UInt64, _ timeline: String?) async -> String? {
    let statement = LibpqStatement(
      "SELECT pg_xact_status($1::text::xid8), \(LibpqConnection.timelineColumn)",
      [.text(String(id))]
    )
    let deadline = ContinuousClock.now + Self.statusPatience
    var backoff = LibpqBackoff(initial: .milliseconds(20), maximum: .seconds(2))
    var delay = Duration.zero
    for _ in 0..<Self.maxStatusAttempts where ContinuousClock.now < deadline {
      if let (status, answering) = await ask(statement, after: delay) {
        let isSameHistory = timeline != nil && answering == timeline
        if status == "aborted" || status == "committed" && isSameHistory { return status }
        if status != nil, !isSameHistory { return nil }
      }
      delay = backoff.next()
    }
    return nil
  }

  /// The status and the timeline; nil without an answer. Uses a connection of its own: the pool may be full of broken ones, or of callers that wait for this.
  private func ask(_ statement: LibpqStatement, after delay: Duration) async -> (status: String?, timeline: String?)? {
    do throws(LibpqError) {
      var configuration = configuration
      configuration.statementTimeout = min(configuration.statementTimeout ?? Self.askTimeout, Self.askTimeout)
      let core = try ConnectionCore(configuration)
      // Not Task.sleep, which returns at once in a cancelled task.
      await core.pause(delay)
      try await core.connect(nil)
      let result = try await core.run(.query(statement), nil)[0]
      await core.finish()
      guard let row = result.rows.first else { return nil }
      return (try row.optionalText(0), try row.optionalText(1))
    } catch {
      return nil
    }
  }
}
