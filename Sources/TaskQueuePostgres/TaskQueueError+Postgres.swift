public import Libpq
@_spi(Store) public import TaskQueue

extension TaskQueueError {
  /// Whether doing a call's work twice could be noticed.
  enum Repeatability {
    /// An unknown outcome must be reported as such.
    case unsafe
    /// Fenced or idempotent: a repetition changes nothing more.
    case safe
  }

  /// What a caller sees of an error of the layer below.
  init(_ error: LibpqError, _ repeatability: Repeatability) {
    if error.code == .nestedUse {
      self.init(
        .storeFailed,
        """
        A task inside a transaction called the store again without it, which needs a second connection. \
        Pass the transaction on (in: transaction), or make the call after it.
        """,
        underlying: error
      )
      return
    }
    if error.code == .acquireTimeout {
      self.init(
        .storeFailed,
        """
        All of the store's connections were in use for too long; raise maxConnections (maxEngineConnections if it was a worker's call), or \
        hold transactions for a shorter time.
        """,
        underlying: error,
        isRetrySafe: true
      )
      return
    }
    switch (error.isOutcomeUnknown, error.sqlState) {
    case (true, _):
      if case .unsafe = repeatability {
        self.init(
          .outcomeUnknown,
          "The connection broke before the commit was confirmed; it may or may not have happened. Look, or use a unique key.",
          underlying: error
        )
      } else {
        self.init(.storeFailed, "The connection broke. Repeating is safe.", underlying: error, isRetrySafe: true)
      }
    case (_, "42P01"?), (_, "3F000"?), (_, "42883"?), (_, "42703"?):
      self.init(
        .storeFailed,
        "TaskQueue's schema is missing or too old. Run Migrator, or psql -f migrations/install.sql, on this database and schema.",
        underlying: error
      )
    case (_, "42501"?):
      self.init(
        .storeFailed,
        """
        The role lacks a privilege. Let the schema's owner run its function grant_worker, grant_enqueuer or grant_operator for it, whichever \
        allows this call.
        """,
        underlying: error
      )
    case (_, "TQ002"?):
      self.init(
        .unknownLimit,
        """
        A limit was never declared\(error.message.firstRange(of: "there is no limit ").map { ": " + error.message[$0.upperBound...] } ?? ""). \
        Declare it by a worker's configuration or the client's limits.
        """,
        underlying: error
      )
    case (_, "22P02"?), (_, "22021"?), (_, "22P05"?):
      self.init(
        .encodingFailed,
        "A payload is not valid JSON for PostgreSQL, or has a NUL character.",
        underlying: error
      )
    case (_, "23514"?):
      self.init(
        .invalidOption,
        "A task breaks a rule of the table: \(error.constraint ?? "unnamed").",
        underlying: error
      )
    default:
      self.init(
        .storeFailed,
        Self.sentence(error),
        underlying: error,
        isRetrySafe: error.isRetrySafe
      )
    }
    isDataRefused = error.sqlState.map { $0.hasPrefix("22") || $0.hasPrefix("23") } ?? false
  }

  /// What an error means that has no advice of its own; it comes as the underlying one.
  private static func sentence(_ error: LibpqError) -> String {
    switch (error.code, error.sqlState) {
    case (_, "25006"?):
      """
      The server takes no writes: it is a standby, or a setting makes sessions read-only. In a connection string of several hosts \
      target_session_attrs=read-write finds the one that does.
      """
    case (.connectFailed, _): "No connection to PostgreSQL could be opened."
    case (.connectionLost, _), (.transactionAborted, _): "The connection broke; nothing was kept."
    case (.timeout, _): "PostgreSQL did not answer in time; nothing was kept."
    case (.cancelled, _): "The calling task was cancelled."
    case (.poolExhausted, _): "Too many callers wait for the store."
    case (.poolClosed, _): "The store was closed."
    default: "PostgreSQL could not do it."
    }
  }
}

extension LibpqError: PassingError {
  public var isPassing: Bool { isRetrySafe }
  public var isRolledBack: Bool { sqlState == "40001" || sqlState == "40P01" }
}
