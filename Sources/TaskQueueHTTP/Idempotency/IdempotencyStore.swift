import HTTPTypes
public import Libpq
import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The table of idempotency keys, in a schema of the app's.
///
/// Create it with ``migrate(_:)``. A role that serves requests needs `SELECT`, `INSERT`, `UPDATE` and `DELETE` on `idempotency_key`.
public struct IdempotencyStore: Sendable {
  /// The most keys that one ``purge(in:)`` removes.
  public static let purgeBatch = 1000

  /// An answer given before.
  struct Recorded: Hashable, Sendable {
    var fingerprint: Data
    var answer: IdempotentAnswer
  }

  /// In double quotes.
  let schema: String
  /// Distinguishes the prepared statements of two schemas on one connection.
  private let mark: String

  /// - Precondition: the schema's name has 1 to 63 bytes and no U+0000.
  public init(schema: String) {
    guard let quoted = try? LibpqIdentifier.quotedIdentifier(schema) else {
      preconditionFailure("a schema's name has 1 to \(LibpqIdentifier.maxBytes) bytes and no NUL")
    }
    self.schema = quoted
    mark = Hexadecimal.text(SHA256.hash(Array(schema.utf8)).prefix(8))
  }

  /// Whether a request with this key was answered. A look only: it may be answered right after.
  public func isAnswered(_ key: RequestKey, in database: some LibpqQueryable) async throws -> Bool {
    try await find(key, in: database) != nil
  }

  /// Removes expired keys, at most ``purgeBatch``, oldest first. Passes over those that others are about to take anew. Call it now and then
  /// (in a task of a schedule, say): an expired key counts for nothing, but takes space.
  ///
  /// - Returns: how many.
  public func purge(in database: some LibpqQueryable) async throws -> Int {
    let sql = """
      DELETE FROM \(schema).idempotency_key WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM \(schema).idempotency_key WHERE expires_at <= now()
        ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
      """
    return try await database.query(statement("purge", sql, [.int8(Int64(Self.purgeBatch))])).affectedRows
  }

  /// Has repetitions get another answer than the one that was given first: for a request whose result is known by now, say. Nothing happens
  /// if the key is not answered, or no longer known.
  public func replace(_ answer: IdempotentAnswer, for key: RequestKey, in database: some LibpqQueryable) async throws {
    let sql = """
      UPDATE \(schema).idempotency_key SET status = $4, fields = $5, body = $6
      WHERE caller = $1 AND operation = $2 AND key = $3 AND status IS NOT NULL AND expires_at > now()
      """
    _ = try await database.query(statement("replace", sql, key.parameters + (try Self.parameters(answer))))
  }

  func find(_ key: RequestKey, in database: some LibpqQueryable) async throws -> Recorded? {
    let sql = """
      SELECT fingerprint, status, fields::text, body FROM \(schema).idempotency_key
      WHERE caller = $1 AND operation = $2 AND key = $3 AND expires_at > now() AND status IS NOT NULL
      """
    guard let row = try await database.query(statement("find", sql, key.parameters)).rows.first else { return nil }
    var answer = IdempotentAnswer(.init(code: Int(try row.int8(1))), body: try row.data(3))
    answer.fields = try JSONDecoder().decode(HTTPFields.self, from: Data(try row.text(2).utf8))
    return Recorded(fingerprint: try row.data(0), answer: answer)
  }

  /// Takes the key for this transaction, a new or an expired one. Waits while another transaction holds it. From then on the transaction waits
  /// for no lock longer than `lockTimeout`.
  ///
  /// - Returns: whether it was free; false: it is recorded, look with ``find(_:in:)``.
  /// - Throws: `LibpqError` with SQLSTATE 55P03 when waiting took longer.
  func take(
    _ key: RequestKey,
    _ fingerprint: RequestFingerprint,
    lifetime: Duration,
    lockTimeout: Duration,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    // Zero would be no bound.
    let milliseconds = max(1, Int64(lockTimeout / .milliseconds(1)))
    let sql = """
      WITH patience AS MATERIALIZED (SELECT set_config('lock_timeout', $6, true))
      INSERT INTO \(schema).idempotency_key AS k (caller, operation, key, fingerprint, expires_at)
      SELECT $1, $2, $3, $4, now() + $5::interval FROM patience
      ON CONFLICT (caller, operation, key) DO UPDATE SET
        fingerprint = excluded.fingerprint, status = NULL, fields = NULL, body = NULL,
        created_at = now(), expires_at = excluded.expires_at
      WHERE k.expires_at <= now()
      RETURNING pg_current_xact_id()
      """
    let patience = LibpqValue.text("\(milliseconds)ms")
    let parameters = key.parameters + [.bytea(fingerprint.digest), .interval(lifetime), patience]
    guard let row = try await transaction.query(statement("take", sql, parameters)).rows.first else { return false }
    // With it the pool can look up what became of a COMMIT without an answer.
    transaction.transactionID = UInt64(try row.int8(0))
    return true
  }

  /// Records the answer of the request that took the key, in the same transaction.
  func record(_ answer: IdempotentAnswer, for key: RequestKey, in transaction: LibpqTransaction) async throws {
    let sql = """
      UPDATE \(schema).idempotency_key SET status = $4, fields = $5, body = $6
      WHERE caller = $1 AND operation = $2 AND key = $3
      """
    _ = try await transaction.query(statement("record", sql, key.parameters + (try Self.parameters(answer))))
  }

  private static func parameters(_ answer: IdempotentAnswer) throws -> [LibpqValue] {
    let fields = try JSONEncoder().encode(answer.fields)
    return [.int4(Int32(answer.status.code)), .json(fields), .bytea(answer.body)]
  }

  private func statement(_ name: String, _ sql: String, _ parameters: [LibpqValue]) -> LibpqStatement {
    LibpqStatement(sql, parameters, name: "http_\(name)_\(mark)")
  }
}

extension RequestKey {
  fileprivate var parameters: [LibpqValue] { [.text(caller), .text(operation), .text(key)] }
}
