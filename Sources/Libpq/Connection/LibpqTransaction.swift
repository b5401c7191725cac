import Synchronization

/// An open transaction. Valid inside the closure that received it; afterwards every call throws ``LibpqError/Code/protocolViolation``.
public final class LibpqTransaction: LibpqQueryable {
  let connection: LibpqConnection
  private let state = Mutex(State())

  private struct State {
    var isEnded = false
    var savepointCount = 0
    var transactionID: UInt64?
    var cause: (any Error)?
  }

  init(_ connection: LibpqConnection) { self.connection = connection }

  /// The transaction's id (`pg_current_xact_id()`), set by code that learned it in a round trip it needed anyway. With it a COMMIT without
  /// an answer can be resolved by `pg_xact_status`.
  public var transactionID: UInt64? {
    get { state.withLock { $0.transactionID } }
    set { state.withLock { $0.transactionID = newValue } }
  }

  /// The server process that runs the transaction.
  public var backendProcessID: Int32 { connection.backendProcessID }

  public func query(_ statement: LibpqStatement) async throws(LibpqError) -> LibpqResult {
    try checkOpen()
    return try await connection.query(statement)
  }

  public func pipeline(_ statements: [LibpqStatement]) async throws(LibpqError) -> [LibpqResult] {
    try checkOpen()
    return try await connection.pipeline(statements)
  }

  @discardableResult
  public func executeScript(_ sql: String) async throws(LibpqError) -> LibpqResult? {
    try checkOpen()
    return try await connection.executeScript(sql)
  }

  /// Lets `statement` travel with the transaction's next one, ahead of it, or at the latest before COMMIT: without a round trip of its own.
  ///
  /// If it fails, so does the next one, with its error, and the transaction.
  ///
  /// - Parameter receive: Gets its result or its error on the connection's thread, before the next statement has returned. What it returns is
  ///   thrown instead of whatever the transaction fails with.
  public func sendAhead(
    _ statement: LibpqStatement,
    receive: @escaping @Sendable (LibpqTransaction, Result<LibpqResult, LibpqError>) -> (any Error)?
  ) throws(LibpqError) {
    try checkOpen()
    let pending = PendingStatement(statement: statement) { [weak self] result in
      guard let self, let cause = receive(self, result) else { return }
      state.withLock { $0.cause = $0.cause ?? cause }
    }
    connection.core.status.withLock { $0.pending.append(pending) }
  }

  /// What the transaction fails for, whatever its statements say.
  var cause: (any Error)? { state.withLock { $0.cause } }

  /// Before COMMIT, whose own outcome then stays the only one that may be unknown.
  func sendPending() async throws(LibpqError) {
    let core = connection.core
    guard core.status.withLock({ $0.pending.contains { !$0.isBegin } }) else { return }
    try await core.interruptible { interruption throws(LibpqError) in try await core.sendPending(interruption) }
  }

  /// Runs `body` inside a savepoint: if it throws, what it did is rolled back and the transaction goes on. Savepoints nest, but must not
  /// overlap.
  public func withSavepoint<Value>(_ body: () async throws -> Value) async throws -> Value {
    try checkOpen()
    let name = state.withLock { state in
      state.savepointCount += 1
      return "s\(state.savepointCount)"
    }
    _ = try await connection.executeScript("SAVEPOINT \(name)")
    let value: Value
    do {
      value = try await body()
    } catch {
      // Also in a cancelled task: without it the whole transaction would stay failed.
      _ = try? await connection.core.rollBack(toSavepoint: name)
      throw error
    }
    _ = try await connection.executeScript("RELEASE \(name)")
    return value
  }

  /// After this every call throws.
  func end() { state.withLock { $0.isEnded = true } }

  func checkOpen() throws(LibpqError) {
    guard !state.withLock({ $0.isEnded }) else {
      throw LibpqError(.protocolViolation, "the transaction has ended")
    }
  }
}
