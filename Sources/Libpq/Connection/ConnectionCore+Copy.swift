import CLibpq

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension ConnectionCore {
  /// Starts a `COPY … FROM STDIN`.
  func beginCopy(_ sql: String, _ interruption: Interruption?) throws(LibpqError) {
    guard !sql.utf8.contains(0) else { throw LibpqError(.invalidArgument, "a statement contains a NUL character") }
    try sendPending(interruption)
    var exchange = try begin(interruption)
    guard PQsendQuery(handle.pointer, sql) == 1 else { throw sendFailure(exchange) }
    guard let pointer = try nextResult(&exchange) else { throw lost(exchange) }
    defer { PQclear(pointer) }
    switch PQresultStatus(pointer) {
    case PGRES_COPY_IN:
      isCopying = true
      isCopyInTransaction = exchange.isInTransactionBlock
      // A cancel request that crossed the answer has hit the COPY: its end reports that.
      end(exchange)
    case PGRES_COPY_OUT, PGRES_COPY_BOTH:
      finish()
      throw LibpqError(.invalidArgument, "the statement is not a COPY FROM STDIN; the connection was closed")
    case PGRES_TUPLES_OK, PGRES_COMMAND_OK, PGRES_EMPTY_QUERY:
      _ = try collect(&exchange)
      end(exchange)
      throw LibpqError(.invalidArgument, "the statement is not a COPY FROM STDIN")
    default:
      let error = failure(pointer, exchange)
      if error.code == .connectionLost { finish() } else { _ = try collect(&exchange) }
      end(exchange)
      throw error
    }
  }

  /// Hands over one chunk; returns once libpq has room for more, so that a slow server slows the producer.
  func copy(_ chunk: some ContiguousBytes & Sendable, _ interruption: Interruption?) throws(LibpqError) {
    if interruption?.isRequested == true { throw LibpqError(.cancelled, "the task was cancelled during COPY") }
    var exchange = copyExchange(interruption)
    let count = chunk.withUnsafeBytes { $0.count }
    var offset = 0
    while offset < count {
      let size = min(count - offset, 1 << 20)
      let status = chunk.withUnsafeBytes { bytes in
        let start = bytes.baseAddress.map { ($0 + offset).assumingMemoryBound(to: CChar.self) }
        return PQputCopyData(handle.pointer, start, Int32(size))
      }
      guard status >= 0 else { throw lost(exchange) }
      if status == 1 { offset += size }
      try flush(&exchange)
    }
  }

  /// Ends the COPY: with its rows, or without them if there is an `abortMessage`. Returns the number of rows copied.
  func endCopy(abortMessage: String?, _ interruption: Interruption?) throws(LibpqError) -> Int {
    guard isCopying else { throw LibpqError(.connectionLost, "the connection was lost during COPY") }
    var exchange = copyExchange(interruption, isEnding: abortMessage == nil)
    if abortMessage != nil { exchange.deadline = .now + configuration.cancelTimeout }
    while true {
      let status = abortMessage.map { PQputCopyEnd(handle.pointer, $0) } ?? PQputCopyEnd(handle.pointer, nil)
      guard status >= 0 else { throw lost(exchange) }
      if status == 1 { break }
      try flush(&exchange)
    }
    isCopying = false
    exchange.cancelRequest = copyCancelRequest
    copyCancelRequest = nil
    let collected = try collect(&exchange)
    end(exchange)
    if let error = collected.error { throw error }
    return collected.results.last?.affectedRows ?? 0
  }

  private func copyExchange(_ interruption: Interruption?, isEnding: Bool = false) -> Exchange {
    var exchange = Exchange()
    exchange.interruption = interruption
    exchange.deadline = configuration.statementTimeout.map { .now + $0 }
    // Until CopyDone is sent nothing can be committed.
    exchange.isInTransactionBlock = isEnding ? isCopyInTransaction : true
    return exchange
  }

  private func flush(_ exchange: inout Exchange) throws(LibpqError) {
    while true {
      let status = PQflush(handle.pointer)
      if status == 0 { return }
      guard status == 1 else { throw lost(exchange) }
      try wait(&exchange, writing: true)
      guard PQconsumeInput(handle.pointer) == 1 else { throw lost(exchange) }
      if let code = exchange.ending {
        copyCancelRequest = exchange.cancelRequest
        throw LibpqError(code, "the COPY was interrupted")
      }
    }
  }
}
