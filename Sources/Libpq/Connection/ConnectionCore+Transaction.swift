import CLibpq
import Synchronization

extension ConnectionCore {
  /// Sends COMMIT and waits for its answer, whatever happens to the calling task.
  func commit() throws(LibpqError) {
    defer { status.withLock { $0.isReadOnlyAsked = false } }
    // Nothing was done, so nothing was begun.
    guard takePendingBegin() == nil else { return }
    guard PQstatus(handle.pointer) == CONNECTION_OK else {
      throw LibpqError(.connectionLost, "the connection was lost before COMMIT was sent")
    }
    var exchange = try begin(nil)
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
      throw error.code == .connectionLost ? commitUnknown(error) : error
    }
    guard collected.results.last?.commandTag == "COMMIT" else {
      throw LibpqError(.transactionAborted, "the transaction had failed; COMMIT rolled it back")
    }
  }

  /// Rolls back, whatever happens to the calling task. If the server does not answer, the connection is closed, which has the same effect.
  func rollback() {
    defer { status.withLock { $0.isReadOnlyAsked = false } }
    guard takePendingBegin() == nil else { return }
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

  private func commitUnknown(_ cause: LibpqError) -> LibpqError {
    var error = cause
    error.code = .commitOutcomeUnknown
    error.isOutcomeUnknown = true
    error.message = "no answer to COMMIT: \(cause.message)"
    return error
  }
}
