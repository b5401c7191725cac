import CLibpq
import Synchronization

extension ConnectionCore {
  /// Sends COMMIT and waits for its answer. The caller's cancellation does not cancel it, but from then on the server has only
  /// ``LibpqConfiguration/cancelTimeout`` to answer.
  func commit(_ interruption: Interruption?) throws(LibpqError) {
    defer { status.withLock { $0.isReadOnlyAsked = false } }
    // Nothing was done, so nothing was begun.
    guard takePending().isEmpty else { return }
    try checkSessionIsOpen()
    var exchange = try begin(nil)
    exchange.interruption = interruption
    exchange.isCancellable = false
    exchange.isInTransactionBlock = false
    guard PQsendQuery(handle.pointer, "COMMIT") == 1 else {
      throw commitUnknown(sendFailure(exchange))
    }
    let collected: Collected
    do throws(LibpqError) {
      collected = try collect(&exchange)
    } catch {
      throw commitUnknown(error)
    }
    end(exchange)
    if let error = collected.error {
      throw error.code == .connectionLost && !isKnownRolledBack(error) ? commitUnknown(error) : error
    }
    guard collected.results.last?.commandTag == "COMMIT" else {
      throw LibpqError(.transactionAborted, "the transaction had failed; COMMIT rolled it back")
    }
  }

  /// A session that has ended before COMMIT is sent has rolled back, and the server mostly said so.
  private func checkSessionIsOpen() throws(LibpqError) {
    if PQstatus(handle.pointer) == CONNECTION_OK, PQconsumeInput(handle.pointer) == 1 {
      // Takes in the messages that came unasked.
      _ = PQisBusy(handle.pointer)
      if farewell.sqlState == nil { return }
    }
    let sqlState = farewell.sqlState
    finish()
    throw LibpqError(.connectionLost, "the session had ended before COMMIT was sent", sqlState: sqlState)
  }

  /// idle_in_transaction_session_timeout and transaction_timeout end a session only while it waits for a statement, or before COMMIT
  /// takes effect.
  private func isKnownRolledBack(_ error: LibpqError) -> Bool {
    !error.isOutcomeUnknown && ["25P03", "25P04"].contains(error.sqlState)
  }

  /// Rolls back, whatever happens to the calling task. If the server does not answer, the connection is closed, which has the same effect.
  func rollback() {
    defer { status.withLock { $0.isReadOnlyAsked = false } }
    guard !takePending().contains(where: \.isBegin) else { return }
    guard PQstatus(handle.pointer) == CONNECTION_OK else { return finish() }
    do throws(LibpqError) {
      var exchange = try begin(nil)
      exchange.isCancellable = false
      exchange.deadline = .now + configuration.cancelTimeout
      guard PQsendQuery(handle.pointer, "ROLLBACK") == 1 else { return finish() }
      let collected = try collect(&exchange)
      end(exchange)
      if collected.error != nil { finish() }
    } catch {
      finish()
    }
  }

  /// Undoes what was done since the savepoint; without an answer in time the connection is closed.
  func rollBack(toSavepoint name: String) throws(LibpqError) {
    // What was pending before the savepoint was sent with it.
    takePending()
    var exchange = try begin(nil)
    exchange.isCancellable = false
    exchange.deadline = .after(configuration.cancelTimeout)
    guard PQsendQuery(handle.pointer, "ROLLBACK TO \(name); RELEASE \(name)") == 1 else { throw sendFailure(exchange) }
    let collected = try collect(&exchange)
    end(exchange)
    if let error = collected.error { throw error }
  }

  private func commitUnknown(_ cause: LibpqError) -> LibpqError {
    var error = cause
    error.code = .commitOutcomeUnknown
    error.isOutcomeUnknown = true
    error.message = "no answer to COMMIT: \(cause.message)"
    return error
  }
}
