import Synchronization

extension LibpqConnection {
  /// Runs `body` in a transaction: COMMIT if it returns, ROLLBACK if it throws, also when the task is cancelled. BEGIN travels with the
  /// first statement; a transaction without statements costs nothing.
  ///
  /// COMMIT is not cancelled by the task's cancellation, but in a cancelled task its answer is awaited no longer than ``LibpqConfiguration/cancelTimeout``.
  ///
  /// - Throws: what `body` throws; ``LibpqError/Code/commitOutcomeUnknown`` if the connection ended during COMMIT;
  ///   ``LibpqError/Code/transactionAborted`` if `body` swallowed an error that had failed the transaction; the server's error if COMMIT failed
  ///   (deferred constraints, serialization).
  public func withTransaction<Value>(
    _ options: LibpqTransactionOptions = .init(),
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    switch try await runTransaction(options, body) {
    case .committed(let value): return value
    case .unknown(_, let error, _): throw error
    }
  }

  /// How a transaction ended that did not fail.
  enum TransactionEnd<Value> {
    case committed(Value)
    case unknown(Value, LibpqError, transactionID: UInt64?)
  }

  func runTransaction<Value>(
    _ options: LibpqTransactionOptions,
    _ body: (LibpqTransaction) async throws -> Value
  ) async throws -> TransactionEnd<Value> {
    try core.scheduleBegin(options)
    let transaction = LibpqTransaction(self)
    let value: Value
    do {
      value = try await body(transaction)
      try await transaction.sendPending()
    } catch {
      transaction.end()
      await core.rollback()
      throw transaction.cause ?? error
    }
    transaction.end()
    do throws(LibpqError) {
      let core = core
      try await core.interruptible { interruption throws(LibpqError) in try await core.commit(interruption) }
      return .committed(value)
    } catch {
      guard error.code == .commitOutcomeUnknown else { throw transaction.cause ?? error }
      return .unknown(value, error, transactionID: transaction.transactionID)
    }
  }
}

extension ConnectionCore {
  /// Lets the next statement begin a transaction. Needs no hop.
  nonisolated func scheduleBegin(_ options: LibpqTransactionOptions) throws(LibpqError) {
    let begin = options.beginStatements.map { PendingStatement(statement: LibpqStatement($0), receive: nil) }
    let problem: LibpqError? = status.withLock { status in
      guard status.isUsable else { return LibpqError(.connectionLost, "the connection is closed") }
      guard status.isIdle, status.pending.isEmpty else {
        return LibpqError(.protocolViolation, "the connection is in a transaction or a COPY already")
      }
      status.pending = begin
      status.isReadOnlyAsked = options.isReadOnly
      return nil
    }
    if let problem { throw problem }
  }
}
