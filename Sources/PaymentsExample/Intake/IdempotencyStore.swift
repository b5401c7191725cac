import Foundation
import Libpq

/// An answer as it is kept for repetitions of its request.
struct IdempotentAnswer: Equatable, Sendable {
  var status: Int
  var location: String?
  /// JSON.
  var body: Data
}

/// The SQL on idempotency keys.
enum IdempotencyStore {
  /// Removed by one statement of the purge.
  static let purgeBatch = 1000

  /// An answer given before.
  struct Recorded: Equatable, Sendable {
    var fingerprint: Data
    var answer: IdempotentAnswer
  }

  static func find(_ key: IdempotencyKey, in database: some LibpqQueryable) async throws -> Recorded? {
    let result = try await database.query(
      """
      SELECT fingerprint, status, location, body FROM payments.idempotency_key
      WHERE scope = $1 AND key = $2 AND expires_at > now()
      """,
      [.text(key.scope), .text(key.key)]
    )
    guard let row = result.rows.first else { return nil }
    return Recorded(
      fingerprint: try row.data(0),
      answer: IdempotentAnswer(
        status: Int(try row.int8(1)),
        location: try row.optionalText(2),
        body: try row.data(3)
      )
    )
  }

  /// Takes the key for this transaction, a new or an expired one. Waits while another transaction holds it.
  ///
  /// - Returns: whether it was free; false: it is recorded, look with ``find(_:in:)``.
  /// - Throws: `LibpqError` with SQLSTATE 55P03 when waiting took longer than `lockTimeout`.
  static func take(
    _ key: IdempotencyKey,
    fingerprint: Data,
    lifetime: Duration,
    lockTimeout: Duration,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    let milliseconds = Int64(lockTimeout / .milliseconds(1))
    let results = try await transaction.pipeline([
      LibpqStatement(
        "SELECT set_config('lock_timeout', $1, true), pg_current_xact_id()",
        [.text("\(milliseconds)ms")]
      ),
      LibpqStatement(
        """
        INSERT INTO payments.idempotency_key AS k (scope, key, fingerprint, expires_at)
        VALUES ($1, $2, $3, now() + $4::interval)
        ON CONFLICT (scope, key) DO UPDATE SET
          fingerprint = excluded.fingerprint, status = NULL, location = NULL, body = NULL,
          created_at = now(), expires_at = excluded.expires_at
        WHERE k.expires_at <= now()
        """,
        [.text(key.scope), .text(key.key), .bytea(fingerprint), .interval(lifetime)]
      ),
    ])
    // With it the pool can look up what became of a COMMIT without an answer.
    transaction.transactionID = UInt64(try results[0][0].int8(1))
    return results[1].affectedRows == 1
  }

  /// Records the answer of the one who took the key, in the same transaction.
  static func record(
    _ answer: IdempotentAnswer,
    for key: IdempotencyKey,
    in transaction: LibpqTransaction
  ) async throws {
    _ = try await transaction.query(
      "UPDATE payments.idempotency_key SET status = $3, location = $4, body = $5 WHERE scope = $1 AND key = $2",
      [
        .text(key.scope), .text(key.key), .int4(Int32(answer.status)), .optional(answer.location),
        .bytea(answer.body),
      ]
    )
  }

  /// Removes expired keys, at most ``purgeBatch``, oldest first.
  /// - Returns: how many.
  static func purge(in database: some LibpqQueryable) async throws -> Int {
    try await database.query(
      """
      DELETE FROM payments.idempotency_key WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM payments.idempotency_key WHERE expires_at <= now()
        ORDER BY expires_at LIMIT $1 FOR UPDATE SKIP LOCKED))
      """,
      [.int8(Int64(purgeBatch))]
    ).affectedRows
  }
}
