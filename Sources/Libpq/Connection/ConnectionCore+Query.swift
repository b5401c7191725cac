import CLibpq
import Synchronization

extension ConnectionCore {
  /// Sends one statement by itself, or as a pipeline where something has to go before it.
  func start(
    _ statement: LibpqStatement,
    _ interruption: Interruption?,
    _ deadline: CallDeadline?
  ) throws(LibpqError) -> Underway {
    try statement.validate()
    let parameters = try ParameterBuffer(statement.parameters)
    let entry = try preparedEntry(statement, parameters)
    let isPrepareDue = statement.name != nil && configuration.preparesStatements && entry == nil
    if isPrepareDue || hasPending { return try start([statement], interruption, deadline) }
    let exchange = try begin(interruption, deadline)
    let isSent = send(statement, parameters, preparedAs: entry?.serverName)
    guard isSent else { throw sendFailure(exchange, maybeSent: true) }
    return Underway(exchange: exchange, statements: [statement])
  }

  /// Waits for the answer of one statement that was sent by itself.
  func answer(to statement: LibpqStatement, _ exchange: inout Exchange) throws(LibpqError) -> LibpqResult {
    let collected = try collect(&exchange)
    end(exchange)
    if let error = collected.error {
      forgetIfStale(statement, error)
      throw error
    }
    guard let result = collected.results.last else { throw LibpqError(.protocolViolation, "no result") }
    return result
  }

  /// Runs a script by the simple protocol: several statements, one implicit transaction unless the script says otherwise. Returns
  /// the last result, in text format.
  func executeScript(_ sql: String, _ interruption: Interruption?) throws(LibpqError) -> LibpqResult? {
    guard !sql.utf8.contains(0) else { throw LibpqError(.invalidArgument, "a script contains a NUL character") }
    try sendPending(interruption)
    var exchange = try begin(interruption)
    guard PQsendQuery(handle.pointer, sql) == 1 else { throw sendFailure(exchange, maybeSent: true) }
    let collected = try collect(&exchange)
    end(exchange)
    if let error = collected.error { throw error }
    return collected.results.last
  }

  // MARK: - Sending

  func preparedEntry(
    _ statement: LibpqStatement,
    _ parameters: ParameterBuffer
  ) throws(LibpqError) -> PreparedStatements.Entry? {
    guard let name = statement.name, configuration.preparesStatements else { return nil }
    return try prepared.entry(name, sql: statement.sql, types: parameters.types, nulls: statement.parameters)
  }

  func send(_ statement: LibpqStatement, _ parameters: ParameterBuffer, preparedAs serverName: String?) -> Bool {
    parameters.withPointers { count, types, values, lengths, formats in
      if let serverName {
        PQsendQueryPrepared(handle.pointer, serverName, count, values, lengths, formats, 1) == 1
      } else {
        PQsendQueryParams(handle.pointer, statement.sql, count, types, values, lengths, formats, 1) == 1
      }
    }
  }

  /// libpq took the statement in part or not at all; what the server got is not known well enough to go on.
  ///
  /// - Parameter maybeSent: Whether it could have been enough to commit something.
  func sendFailure(_ exchange: Exchange, maybeSent: Bool = false) -> LibpqError {
    var error = LibpqError(.connectionLost, connection: handle.pointer)
    error.isOutcomeUnknown = maybeSent && !exchange.isInTransactionBlock
    finish()
    return error
  }

  /// After DDL a prepared statement can be invalid for good, behind a pooler it can be gone: prepare again next time.
  func forgetIfStale(_ statement: LibpqStatement, _ error: LibpqError) {
    if let name = statement.name, ["0A000", "26000", "08P01"].contains(error.sqlState) { prepared.remove(name) }
  }

  // MARK: - Receiving

  struct Collected {
    var results: [LibpqResult] = []
    var error: LibpqError?
  }

  /// The next result of the current statement; nil after its last. Writes what is still unsent, and reads meanwhile: a server that
  /// can't get rid of its answers stops reading.
  func nextResult(_ exchange: inout Exchange) throws(LibpqError) -> OpaquePointer? {
    while true {
      let isUnsent = PQflush(handle.pointer) == 1
      if PQisBusy(handle.pointer) == 0 { return PQgetResult(handle.pointer) }
      try wait(&exchange, writing: isUnsent)
      // On a lost connection PQgetResult does not block but returns the error.
      if PQconsumeInput(handle.pointer) == 0 { return PQgetResult(handle.pointer) }
    }
  }

  /// All results of a statement or script, up to the server's readiness for the next.
  func collect(_ exchange: inout Exchange) throws(LibpqError) -> Collected {
    var collected = Collected()
    while let pointer = try nextResult(&exchange) {
      let status = PQresultStatus(pointer)
      switch status {
      case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
        collected.results.append(LibpqResult(consuming: pointer))
        exchange.hasAllAnswers = true
      case PGRES_COPY_IN, PGRES_COPY_OUT, PGRES_COPY_BOTH:
        PQclear(pointer)
        finish()
        throw LibpqError(.invalidArgument, "COPY is not a query; the connection was closed")
      default:
        if noteFailure(pointer, exchange, in: &collected) { return collected }
      }
    }
    if PQstatus(handle.pointer) != CONNECTION_OK, collected.error == nil {
      collected.error = lost(exchange)
    }
    return collected
  }

  /// Takes over a failed result; the first error counts.
  /// - Returns: whether the connection is gone with it, and was closed.
  func noteFailure(_ pointer: OpaquePointer, _ exchange: Exchange, in collected: inout Collected) -> Bool {
    let error = failure(pointer, exchange)
    PQclear(pointer)
    collected.error = collected.error ?? error
    guard error.code == .connectionLost || PQstatus(handle.pointer) != CONNECTION_OK else { return false }
    finish()
    return true
  }

  /// What a failed result means for the caller.
  func failure(_ pointer: OpaquePointer, _ exchange: Exchange) -> LibpqError {
    let isFatal = LibpqError.isFatal(pointer)
    noteDoubt(LibpqError.sqlState(of: pointer))
    if isFatal || PQstatus(handle.pointer) != CONNECTION_OK {
      var error = LibpqError(.connectionLost, result: pointer)
      // A session that the server ends while a statement runs has rolled it back. Silence, or an end after the last answer, proves nothing.
      error.isOutcomeUnknown = !exchange.isInTransactionBlock && (!isFatal || exchange.hasAllAnswers)
      return error
    }
    var error = LibpqError(.server, result: pointer)
    if let ending = exchange.ending, error.sqlState == "57014" { error.code = ending }
    return error
  }

  /// read_only_sql_transaction where nobody asked for one (a standby, or a primary that is being replaced), admin_shutdown, crash_shutdown,
  /// cannot_connect_now: the pool's other sessions are to be opened anew too.
  private func noteDoubt(_ sqlState: String?) {
    guard let sqlState, ["25006", "57P01", "57P02", "57P03"].contains(sqlState) else { return }
    status.withLock { status in
      if sqlState != "25006" || !status.isReadOnlyAsked { status.isDoubtful = true }
    }
  }

  func lost(_ exchange: Exchange) -> LibpqError {
    var error = LibpqError(.connectionLost, connection: handle.pointer)
    error.isOutcomeUnknown = !exchange.isInTransactionBlock
    finish()
    return error
  }
}
