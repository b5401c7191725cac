extension LibpqError {
  /// The kind of a ``LibpqError``. More may be added.
  public struct Code: Hashable, Sendable, CustomStringConvertible {
    public let description: String

    private init(_ description: String) { self.description = description }

    /// No connection could be opened: refused, not resolved, not authenticated, or not within the deadline.
    public static let connectFailed = Code("connectFailed")
    /// The connection ended while it was in use. See ``LibpqError/isOutcomeUnknown``.
    public static let connectionLost = Code("connectionLost")
    /// The statement timeout or the limit of the call passed; the server was asked to cancel.
    public static let timeout = Code("timeout")
    /// The calling task was cancelled.
    public static let cancelled = Code("cancelled")
    /// The server refused the statement; see ``LibpqError/sqlState``.
    public static let server = Code("server")
    /// COMMIT was sent, its answer never came: the transaction is either committed or not.
    public static let commitOutcomeUnknown = Code("commitOutcomeUnknown")
    /// The transaction was rolled back, although COMMIT was asked for.
    public static let transactionAborted = Code("transactionAborted")
    /// The pool was closed.
    public static let poolClosed = Code("poolClosed")
    /// No connection of the pool became free in time. Nothing was done.
    public static let acquireTimeout = Code("acquireTimeout")
    /// A task inside a transaction of a pool asked the same pool for another connection: a mistake of the program. Nothing was done.
    public static let nestedUse = Code("nestedUse")
    /// Too many callers already wait for a connection of the pool.
    public static let poolExhausted = Code("poolExhausted")
    /// A column does not hold the type that was asked for.
    public static let decoding = Code("decoding")
    /// A parameter, statement, name or setting can't be sent; nothing was sent.
    public static let invalidArgument = Code("invalidArgument")
    /// libpq or the server answered with something that does not fit the request.
    public static let protocolViolation = Code("protocolViolation")
  }
}
