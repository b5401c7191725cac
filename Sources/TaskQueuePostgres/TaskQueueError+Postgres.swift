import Libpq
@_spi(Store) import TaskQueue

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
        "All of the store's connections were in use for too long; raise maxConnections, or hold transactions for a shorter time.",
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
        "PostgreSQL could not do it.",
        underlying: error,
        isRetrySafe: error.isRetrySafe
      )
    }
  }
}
