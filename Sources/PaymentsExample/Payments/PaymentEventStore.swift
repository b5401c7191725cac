import Libpq

/// The SQL on the payments' history. ``PaymentStore/apply(_:to:in:)`` writes most of it.
enum PaymentEventStore {
  /// Adds a line that changes nothing about the payment itself. The caller holds the payment's lock.
  /// - Parameter isOnce: nothing is added if the payment has the same line already.
  static func add(
    _ kind: PaymentEvent.Kind,
    _ detail: String?,
    to payment: PaymentID,
    by actor: String = PaymentActor.worker,
    isOnce: Bool = false,
    in transaction: LibpqTransaction
  ) async throws {
    _ = try await transaction.query(
      """
      INSERT INTO payments.payment_event (payment_id, kind, status, detail, actor)
      SELECT id, $2, status, $3, $4 FROM payments.payment AS p WHERE id = $1 AND NOT ($5 AND EXISTS (
        SELECT FROM payments.payment_event AS e WHERE e.payment_id = p.id AND e.kind = $2 AND e.detail = $3))
      """,
      [.id(payment), .text(kind.rawValue), .optional(detail), .text(actor), .bool(isOnce)]
    )
  }

  /// The first events, oldest first, at most ``PaymentDetails/maxEvents``.
  static func list(_ payment: PaymentID, in database: some LibpqQueryable) async throws -> [PaymentEvent] {
    let result = try await database.query(
      "SELECT at, kind, status, detail, actor FROM payments.payment_event WHERE payment_id = $1 ORDER BY id LIMIT $2",
      [.id(payment), .int8(Int64(PaymentDetails.maxEvents))]
    )
    return try result.rows.map { row in
      guard let kind = PaymentEvent.Kind(rawValue: try row.text(1)) else {
        throw LibpqError(.decoding, "an event of a payment has an unknown kind")
      }
      return PaymentEvent(
        at: try row.timestamptz(0),
        kind: kind,
        status: PaymentStatus(rawValue: try row.text(2)),
        detail: try row.optionalText(3),
        actor: try row.text(4)
      )
    }
  }
}
