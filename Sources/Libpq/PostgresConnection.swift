import Synchronization

/// One connection to PostgreSQL, on a thread of its own.
///
/// Statements of several tasks run one after the other. A transaction, a COPY or a LISTEN needs the connection for itself: lend it to one task at
/// a time, as ``PostgresPool`` does. A call costs a hop to the connection's thread and back and never blocks Swift's cooperative threads.
/// Dropping the last reference closes the connection.
public final class PostgresConnection: PostgresQueryable {
  let core: ConnectionCore

  private init(_ core: ConnectionCore) { self.core = core }

  /// Opens a connection.
  ///
  /// - Throws: ``PostgresError/Code/connectFailed`` at the latest when `connectTimeout` has passed (name resolution inside libpq may overrun
  ///   it), ``PostgresError/Code/invalidArgument`` for a malformed connection string, ``PostgresError/Code/cancelled``.
  public static func connect(
    _ configuration: PostgresConfiguration
  ) async throws(PostgresError) -> PostgresConnection {
    let core = try ConnectionCore(configuration)
    try await core.interruptible { interruption throws(PostgresError) in try await core.connect(interruption) }
    return PostgresConnection(core)
  }

  /// The server process of this connection; behind a pooler the pooler's.
  public var backendProcessID: Int32 { core.status.withLock { $0.backendProcessID } }

  /// Whether the connection was open when it was last used. An end that nobody noticed yet shows at the next statement.
  public var isUsable: Bool { core.status.withLock { $0.isUsable } }

  public func query(_ statement: PostgresStatement) async throws(PostgresError) -> PostgresResult {
    try await core.interruptible { interruption throws(PostgresError) in
      try await self.core.query(statement, interruption)
    }
  }

  /// Runs one statement, whatever happens to the calling task: for work that a task does on behalf of others, too. The configuration's
  /// timeouts hold.
  public func queryIgnoringCancellation(_ statement: PostgresStatement) async throws(PostgresError) -> PostgresResult {
    try await core.query(statement, nil)
  }

  public func pipeline(_ statements: [PostgresStatement]) async throws(PostgresError) -> [PostgresResult] {
    try await core.interruptible { interruption throws(PostgresError) in
      try await self.core.pipeline(statements, interruption)
    }
  }

  @discardableResult
  public func executeScript(_ sql: String) async throws(PostgresError) -> PostgresResult? {
    try await core.interruptible { interruption throws(PostgresError) in
      try await self.core.executeScript(sql, interruption)
    }
  }

  /// Listens on `channels` until the task is cancelled or the connection ends; the connection can do nothing else meanwhile.
  ///
  /// Both closures run on the connection's thread and must be short. Notifications sent after `onListening` was called are delivered;
  /// whatever was to be noticed before must be looked for after it.
  ///
  /// - Throws: always: ``PostgresError/Code/cancelled`` (the connection stays usable), ``PostgresError/Code/connectionLost``, or why it could not listen.
  public func listen(
    _ channels: [String],
    onListening: @Sendable () -> Void = {},
    _ onNotification: @Sendable (PostgresNotification) -> Void
  ) async throws(PostgresError) {
    try await core.interruptible { interruption throws(PostgresError) in
      try await self.core.listen(channels, interruption, onListening, onNotification)
    }
  }

  /// Closes the connection after the statement under way, or ends a `listen` at once. Idempotent.
  public func close() async {
    core.isClosing.store(true, ordering: .releasing)
    core.wakeUp.signal()
    await core.finish()
  }
}
