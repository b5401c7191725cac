import Libpq

/// Callbacks for provider ids that we don't know (yet).
enum UnmatchedCallbacks {
  /// Removed by one statement of the purge.
  static let purgeBatch = 1000

  /// Lets a callback and the one who stores the id take turns, so that neither misses the other. Until the transaction
  /// ends.
  static func lock(_ providerId: String, in transaction: PostgresTransaction) async throws {
    _ = try await transaction.query(
      "SELECT pg_advisory_xact_lock(hashtextextended('payments.callback:' || $1, 0))",
      [.text(providerId)]
    )
  }

  static func remember(_ callback: ProviderCallback, in transaction: PostgresTransaction) async throws {
    _ = try await transaction.query(
      """
      INSERT INTO payments.unmatched_callback (provider_id, event_id, status) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING
      """,
      [.text(callback.paymentProviderId), .text(callback.eventId), .text(callback.status.rawValue)]
    )
  }

  /// Forgets those of an id that is known now.
  /// - Returns: how many there were.
  static func take(_ providerId: String, in transaction: PostgresTransaction) async throws -> Int {
    try await lock(providerId, in: transaction)
    return try await transaction.query(
      "DELETE FROM payments.unmatched_callback WHERE provider_id = $1",
      [.text(providerId)]
    ).affectedRows
  }

  /// Forgets the oldest that nobody claimed within a period, at most ``purgeBatch``.
  static func purge(olderThan period: Duration, in database: some PostgresQueryable) async throws -> Int {
    try await database.query(
      """
      DELETE FROM payments.unmatched_callback WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM payments.unmatched_callback WHERE received_at < now() - $1::interval
        ORDER BY received_at LIMIT $2 FOR UPDATE SKIP LOCKED))
      """,
      [.interval(period), .int8(Int64(purgeBatch))]
    ).affectedRows
  }
}
