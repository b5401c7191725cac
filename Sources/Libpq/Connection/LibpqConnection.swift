import Synchronization

/// One connection to PostgreSQL, on a thread of its own.
///
/// Statements of several tasks run one after the other. A transaction, a COPY or a LISTEN needs the connection for itself: lend it to one task at
/// a time, as ``LibpqPool`` does. A call costs a hop back from the connection's thread, at most one there too, and never blocks Swift's cooperative
/// threads.
/// Dropping the last reference closes the connection.
public final class LibpqConnection: LibpqQueryable {
  let core: ConnectionCore

  private init(_ core: ConnectionCore) { self.core = core }

  /// Opens a connection.
  ///
  /// - Throws: ``LibpqError/Code/connectFailed`` at the latest when `connectTimeout` has passed, ``LibpqError/Code/invalidArgument`` for a malformed connection string, ``LibpqError/Code/cancelled``.
  public static func connect(
    _ configuration: LibpqConfiguration
  ) async throws(LibpqError) -> LibpqConnection {
    try await connect(configuration, nil)
  }

  static func connect(
    _ configuration: LibpqConfiguration,
    _ deadline: CallDeadline?
  ) async throws(LibpqError) -> LibpqConnection {
    let core = try ConnectionCore(configuration)
    try await core.interruptible { interruption throws(LibpqError) in try await core.connect(interruption, deadline) }
    return LibpqConnection(core)
  }

  /// The server process of this connection; behind a pooler the pooler's.
  public var backendProcessID: Int32 { core.status.withLock { $0.backendProcessID } }

  /// Whether the connection was open when it was last used. An end that nobody noticed yet shows at the next statement.
  public var isUsable: Bool { core.status.withLock { $0.isUsable } }

  public func query(_ statement: LibpqStatement) async throws(LibpqError) -> LibpqResult {
    try await core.interruptible { interruption throws(LibpqError) in
      try await self.core.run(.query(statement), interruption)[0]
    }
  }

  func query(_ statement: LibpqStatement, _ deadline: CallDeadline) async throws(LibpqError) -> LibpqResult {
    try await core.interruptible { interruption throws(LibpqError) in
      try await self.core.run(.query(statement), interruption, deadline)[0]
    }
  }

  func pipeline(_ statements: [LibpqStatement], _ deadline: CallDeadline) async throws(LibpqError) -> [LibpqResult] {
    guard !statements.isEmpty else { return [] }
    return try await core.interruptible { interruption throws(LibpqError) in
      try await self.core.run(.pipeline(statements), interruption, deadline)
    }
  }

  /// As ``query(_:)``, but ends within `limit`, whatever hangs: the server is asked to cancel at three quarters of it, and the connection
  /// is given up and closed at its end.
  ///
  /// - Throws: also ``LibpqError/Code/timeout``.
  public func query(
    _ statement: LibpqStatement,
    within limit: Duration
  ) async throws(LibpqError) -> LibpqResult {
    try await query(statement, CallDeadline(within: limit))
  }

  /// As ``query(_:)``, but ended by the interrupter instead of the calling task's cancellation: for work that a task does on behalf of
  /// others, too. The configuration's timeouts hold.
  public func query(
    _ statement: LibpqStatement,
    interruptedBy interrupter: LibpqInterrupter
  ) async throws(LibpqError) -> LibpqResult {
    let interruption = Interruption(core.wakeUp)
    interrupter.begin(interruption)
    defer { interrupter.end() }
    return try await core.run(.query(statement), interruption)[0]
  }

  /// As ``pipeline(_:)``, but ended by the interrupter, if there is one, instead of the calling task's cancellation.
  public func pipeline(
    _ statements: [LibpqStatement],
    interruptedBy interrupter: LibpqInterrupter?
  ) async throws(LibpqError) -> [LibpqResult] {
    guard let interrupter else { return try await pipeline(statements) }
    guard !statements.isEmpty else { return [] }
    let interruption = Interruption(core.wakeUp)
    interrupter.begin(interruption)
    defer { interrupter.end() }
    return try await core.run(.pipeline(statements), interruption)
  }

  public func pipeline(_ statements: [LibpqStatement]) async throws(LibpqError) -> [LibpqResult] {
    guard !statements.isEmpty else { return [] }
    return try await core.interruptible { interruption throws(LibpqError) in
      try await self.core.run(.pipeline(statements), interruption)
    }
  }

  @discardableResult
  public func executeScript(_ sql: String) async throws(LibpqError) -> LibpqResult? {
    try await core.interruptible { interruption throws(LibpqError) in
      try await self.core.executeScript(sql, interruption)
    }
  }

  /// Listens on `channels` until the task is cancelled or the connection ends; the connection can do nothing else meanwhile.
  ///
  /// Both closures run on the connection's thread and must be short. Notifications sent after `onListening` was called are delivered;
  /// whatever was to be noticed before must be looked for after it.
  ///
  /// - Throws: always: ``LibpqError/Code/cancelled`` (the connection stays usable), ``LibpqError/Code/connectionLost``, or why it could not listen.
  public func listen(
    _ channels: [String],
    onListening: @Sendable () -> Void = {},
    _ onNotification: @Sendable (LibpqNotification) -> Void
  ) async throws(LibpqError) {
    try await core.interruptible { interruption throws(LibpqError) in
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
