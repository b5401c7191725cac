import Libpq

/// A payment of somebody else is none: callers don't learn which ids there are.
extension PaymentStore {
  static func find(_ id: PaymentID, of caller: Caller, in database: some LibpqQueryable) async throws -> Payment? {
    try await one(
      "SELECT \(columns) FROM payments.payment WHERE id = $1 AND ($2::text IS NULL OR caller = $2)",
      [.id(id), .optional(caller.owner)],
      in: database
    )
  }

  /// As ``lock(_:in:)``.
  static func lock(_ id: PaymentID, of caller: Caller, in transaction: LibpqTransaction) async throws -> Payment? {
    try await one(
      """
      SELECT \(columns) FROM payments.payment WHERE id = $1 AND ($2::text IS NULL OR caller = $2)
      FOR NO KEY UPDATE
      """,
      [.id(id), .optional(caller.owner)],
      in: transaction
    )
  }
}
