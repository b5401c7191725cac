import Libpq
import Synchronization

/// Keeps the store's own statements at READ COMMITTED where role, database or server have another `default_transaction_isolation`, also
/// behind a transaction pooler, which keeps no setting of a session. Where the default is READ COMMITTED it costs nothing.
final class IsolationPin: Sendable {
  /// Calls that run again because of 40001. A later one can only meet another session's, so a few will do.
  private static let maxAttempts = 10

  private let isNeeded = Atomic<Bool>(false)

  /// A setting of the session that ends with the transaction: without the warning that SET TRANSACTION gives outside of BEGIN.
  private static let statement = LibpqStatement("SET transaction_isolation TO 'read committed'", name: "tq_isolation")

  /// What ``PostgresTaskStore/checkEnvironment()`` found. Else the first serialization failure tells.
  func learn(defaultIsolation: String) {
    isNeeded.store(defaultIsolation != "read committed", ordering: .relaxed)
  }

  /// One transaction, one round trip; two if it is the first to find out.
  ///
  /// - Parameter limit: of the whole call; nil: as the pool's configuration says.
  func send(
    _ statements: [LibpqStatement],
    through pool: LibpqPool,
    within limit: Duration? = nil
  ) async throws(LibpqError) -> [LibpqResult] {
    guard let limit else {
      return try await send(statements) { statements throws(LibpqError) in
        statements.count == 1 ? [try await pool.query(statements[0])] : try await pool.pipeline(statements)
      }
    }
    let end = ContinuousClock.now + limit
    return try await send(statements) { statements throws(LibpqError) in
      let left = max(.zero, ContinuousClock.now.duration(to: end))
      return statements.count == 1
        ? [try await pool.query(statements[0], within: left)] : try await pool.pipeline(statements, within: left)
    }
  }

  private func send(
    _ statements: [LibpqStatement],
    by way: ([LibpqStatement]) async throws(LibpqError) -> [LibpqResult]
  ) async throws(LibpqError) -> [LibpqResult] {
    guard !isNeeded.load(ordering: .relaxed) else { return try await sendPinned(statements, by: way) }
    do { return try await way(statements) } catch {
      // Nothing of the call was kept, and READ COMMITTED would not have failed.
      guard error.sqlState == "40001", !error.isOutcomeUnknown else { throw error }
      isNeeded.store(true, ordering: .relaxed)
      return try await sendPinned(statements, by: way)
    }
  }

  /// As `LibpqPool.queryUninterrupted`.
  func sendUninterrupted(
    _ statement: LibpqStatement,
    through pool: LibpqPool
  ) async throws(LibpqError) -> LibpqResult {
    for _ in 1..<Self.maxAttempts {
      do { return try await pool.queryUninterrupted(statement) } catch {
        // It changed nothing; the next attempt sees what the other transaction did.
        guard error.sqlState == "40001", !error.isOutcomeUnknown else { throw error }
      }
    }
    return try await pool.queryUninterrupted(statement)
  }

  private func sendPinned(
    _ statements: [LibpqStatement],
    by way: ([LibpqStatement]) async throws(LibpqError) -> [LibpqResult]
  ) async throws(LibpqError) -> [LibpqResult] {
    Array(try await way([Self.statement] + statements).dropFirst())
  }
}
