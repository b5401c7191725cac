import Libpq

/// The SQL on refunds.
enum RefundStore {
  static let columns =
    "id, payment_id, amount, reason, status, stop_reason, provider_id, created_at, updated_at, origin, failure"

  /// - Returns: what of the payment may still be refunded, with what is on its way taken off. The caller holds the
  ///   payment's lock, so nobody else gives the same money back.
  static func remaining(of payment: Payment, in transaction: LibpqTransaction) async throws -> Int64 {
    let result = try await transaction.query(
      "SELECT coalesce(sum(amount), 0)::bigint FROM payments.refund WHERE payment_id = $1 AND status NOT IN ('FAILED', 'WON')",
      [.id(payment.id)]
    )
    return payment.amount - (try result[0].int8(0))
  }

  static func insert(
    paymentId: PaymentID,
    amount: Int64,
    reason: String,
    in transaction: LibpqTransaction
  ) async throws -> Refund {
    let result = try await transaction.query(
      "INSERT INTO payments.refund (payment_id, amount, reason) VALUES ($1, $2, $3) RETURNING \(columns)",
      [.id(paymentId), .int8(amount), .text(reason)]
    )
    return try refund(result[0])
  }

  /// Counts an attempt; see ``PaymentStore/beginAttempt(_:in:)``.
  /// - Returns: the refund and how many attempts there were, this one included.
  static func beginAttempt(_ id: RefundID, in database: some LibpqQueryable) async throws -> (Refund, Int)? {
    let result = try await database.query(
      "UPDATE payments.refund SET attempts = attempts + 1 WHERE id = $1 RETURNING \(columns), attempts",
      [.id(id)]
    )
    return result.rowCount == 0 ? nil : (try refund(result[0]), Int(try result[0].int8(11)))
  }

  /// Stores what the provider said. A final status is never overwritten.
  /// - Returns: whether anything changed.
  static func record(
    status: String,
    providerId: String?,
    failure: String? = nil,
    for id: RefundID,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    try await transaction.query(
      """
      UPDATE payments.refund SET status = $2, provider_id = coalesce(provider_id, $3), failure = $4, updated_at = now()
      WHERE id = $1 AND status NOT IN ('DONE', 'FAILED') AND stop_reason IS NULL AND (status <> $2 OR provider_id IS DISTINCT FROM $3)
      """,
      [.id(id), .text(status), .optional(providerId), .optional(failure)]
    ).affectedRows == 1
  }

  /// Stores what the provider has and nobody asked for here. The caller holds the payment's lock.
  /// - Returns: its id.
  static func adopt(_ entry: ProviderRefund, of payment: PaymentID, in transaction: LibpqTransaction) async throws
    -> RefundID
  {
    try await transaction.query(
      """
      INSERT INTO payments.refund (payment_id, amount, reason, status, provider_id, origin) VALUES ($1, $2, $3, $4, $5, $6)
      RETURNING id
      """,
      [
        .id(payment), .int8(entry.amount),
        .text(String((entry.reason ?? "").filter { $0 >= " " }.prefix(NewRefund.maxReasonLength))), .text(entry.state),
        .text(entry.id),
        .text(entry.origin.rawValue),
      ]
    )[0].id(0)
  }

  /// Stores that something that we don't ask for, or that was final, is something else now. The caller holds the payment's lock.
  static func change(_ id: RefundID, to entry: ProviderRefund, in transaction: LibpqTransaction) async throws {
    let failure = entry.state == Refund.failed ? entry.failure : nil
    _ = try await transaction.query(
      "UPDATE payments.refund SET status = $2, failure = $3, updated_at = now() WHERE id = $1",
      [.id(id), .text(entry.state), .optional(failure)]
    )
  }

  /// Stops it for a person, or has it go on.
  /// - Returns: whether anything changed.
  static func setStopReason(
    _ reason: String?,
    of id: RefundID,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    try await transaction.query(
      """
      UPDATE payments.refund SET stop_reason = $2, updated_at = now()
      WHERE id = $1 AND status NOT IN ('DONE', 'FAILED') AND stop_reason IS DISTINCT FROM $2
      """,
      [.id(id), .optional(reason)]
    ).affectedRows == 1
  }

  static func hasFailed(_ id: RefundID, in database: some LibpqQueryable) async throws -> Bool {
    let sql = "SELECT FROM payments.refund WHERE id = $1 AND status = 'FAILED'"
    return try await database.query(sql, [.id(id)]).rowCount == 1
  }

  static func list(_ payment: PaymentID, in database: some LibpqQueryable) async throws -> [Refund] {
    let result = try await database.query(
      "SELECT \(columns) FROM payments.refund WHERE payment_id = $1 ORDER BY id LIMIT 1000",
      [.id(payment)]
    )
    return try result.rows.map { try refund($0) }
  }

  static func refund(_ row: LibpqRow) throws -> Refund {
    guard let origin = Refund.Origin(rawValue: try row.text(9)) else {
      throw LibpqError(.decoding, "a refund has an unknown origin")
    }
    return Refund(
      id: try row.id(0),
      paymentId: try row.id(1),
      amount: try row.int8(2),
      reason: try row.text(3),
      status: try row.text(4),
      origin: origin,
      failure: try row.optionalText(10),
      stopReason: try row.optionalText(5),
      providerId: try row.optionalText(6),
      createdAt: try row.timestamptz(7),
      updatedAt: try row.timestamptz(8)
    )
  }
}
