package import Foundation
package import Libpq

/// The SQL on callers' keys.
package enum APIKeyStore {
  /// Live ones. All are kept in every process's memory.
  package static let maxKeys = 10_000

  /// A key as `payments keys list` shows it.
  package struct Entry: Sendable {
    package var id: String
    package var caller: String
    package var scopes: [String]
    package var createdAt: Date
    package var expiresAt: Date?
    package var revokedAt: Date?
    package var isLive: Bool
  }

  /// A key that is let in.
  struct Live: Sendable {
    var caller: Caller
    var hash: Data
    /// Until it expires, counted from the look; nil: never.
    var remaining: Duration?
  }

  /// - Parameter lifetime: nil: until it is revoked.
  /// - Returns: false: there are ``maxKeys`` live ones already.
  package static func add(
    _ key: APIKey,
    of caller: Caller,
    lifetime: Duration?,
    in pool: LibpqPool
  ) async throws -> Bool {
    try await pool.query(
      """
      INSERT INTO payments.api_key (id, hash, caller, scopes, expires_at)
      SELECT $1, $2, $3, string_to_array($4, ','), now() + $5::interval
      WHERE (SELECT count(*) FROM payments.api_key WHERE revoked_at IS NULL) < $6
      """,
      [
        .text(key.id), .bytea(key.hash), .text(caller.name),
        .text(caller.scopes.map(\.rawValue).sorted().joined(separator: ",")),
        lifetime.map { .interval($0) } ?? .null, .int8(Int64(maxKeys)),
      ]
    ).affectedRows == 1
  }

  /// - Returns: false: there is no such key, or it is revoked already.
  package static func revoke(_ id: String, in pool: LibpqPool) async throws -> Bool {
    try await pool.query(
      "UPDATE payments.api_key SET revoked_at = now() WHERE id = $1 AND revoked_at IS NULL",
      [.text(id)]
    ).affectedRows == 1
  }

  /// All, also those that are revoked or have expired; newest first, at most ``maxKeys``.
  package static func list(in pool: LibpqPool) async throws -> [Entry] {
    try await pool.query(
      """
      SELECT id, caller, array_to_string(scopes, ','), created_at, expires_at, revoked_at,
        revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      FROM payments.api_key ORDER BY created_at DESC, id LIMIT $1
      """,
      [.int8(Int64(maxKeys))]
    ).rows.map { row in
      Entry(
        id: try row.text(0),
        caller: try row.text(1),
        scopes: try row.text(2).split(separator: ",").map(String.init),
        createdAt: try row.timestamptz(3),
        expiresAt: try row.optionalTimestamptz(4),
        revokedAt: try row.optionalTimestamptz(5),
        isLive: try row.bool(6)
      )
    }
  }

  /// Those that are let in, by id, and whether there is any key, live or not. By the database's clock.
  static func live(in pool: LibpqPool) async throws -> (keys: [String: Live], areThereAny: Bool) {
    let rows = try await pool.query(
      """
      SELECT id, hash, caller, array_to_string(scopes, ','), (extract(epoch from expires_at - now()) * 1000)::bigint
      FROM payments.api_key WHERE revoked_at IS NULL AND (expires_at IS NULL OR expires_at > now())
      ORDER BY created_at LIMIT $1
      """,
      [.int8(Int64(maxKeys))]
    ).rows
    var keys: [String: Live] = [:]
    for row in rows {
      let scopes = try row.text(3).split(separator: ",").compactMap { CallerScope(rawValue: String($0)) }
      keys[try row.text(0)] = Live(
        caller: Caller(name: try row.text(2), scopes: Set(scopes)),
        hash: try row.data(1),
        remaining: try row.optionalInt8(4).map { .milliseconds($0) }
      )
    }
    if !keys.isEmpty { return (keys, true) }
    return (keys, try await pool.query("SELECT EXISTS (SELECT FROM payments.api_key)")[0].bool(0))
  }
}
