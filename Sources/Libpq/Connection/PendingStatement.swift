/// A statement without a round trip of its own: it travels with the next one of its transaction, ahead of it.
struct PendingStatement: Sendable {
  let statement: LibpqStatement
  /// Gets its result or its error, on the connection's thread. Nil: it begins the transaction, and nobody waits for it.
  let receive: (@Sendable (Result<LibpqResult, LibpqError>) -> Void)?

  var isBegin: Bool { receive == nil }
}
