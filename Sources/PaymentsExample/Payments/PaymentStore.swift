import Foundation
package import Libpq

/// The SQL on the payments' rows. Every method is one statement on the connection or transaction it is given, but
/// ``apply(_:to:in:)``.
package enum PaymentStore {
  /// The most that are counted.
  static let countLimit = 100_000
  package static let columns = """
    id, user_id, order_id, amount, currency, description, status, provider, provider_id, failure, attempts, created_at, updated_at,
    execution_requested_at, cancellation_requested_at, stop_reason
    """

  package static func find(_ id: PaymentID, in database: some LibpqQueryable) async throws -> Payment? {
    try await one("SELECT \(columns) FROM payments.payment WHERE id = $1", [.id(id)], in: database)
  }

  package static func find(
    providerId: String,
    at provider: String,
    in database: some LibpqQueryable
  ) async throws -> Payment? {
    try await one(
      "SELECT \(columns) FROM payments.payment WHERE provider_id = $1 AND provider = $2",
      [.text(providerId), .text(provider)],
      in: database
    )
  }

  /// Keeps everybody else from changing the payment until the transaction ends. Who also touches tasks in the transaction
  /// does that first: everybody in the same order, so that nobody waits for one another.
  static func lock(_ id: PaymentID, in transaction: LibpqTransaction) async throws -> Payment? {
    try await one(
      "SELECT \(columns) FROM payments.payment WHERE id = $1 FOR NO KEY UPDATE",
      [.id(id)],
      in: transaction
    )
  }

  /// Those of these payments that there are, in any order. The caller sees to it that they aren't too many.
  package static func find(_ ids: [PaymentID], in database: some LibpqQueryable) async throws -> [Payment] {
    try await all("SELECT \(columns) FROM payments.payment WHERE id = ANY ($1)", [.ids(ids)], in: database)
  }

  /// The payments after `last` by ascending id, at most `limit`; nil: from the first on.
  package static func list(
    after last: PaymentID?,
    limit: Int,
    in database: some LibpqQueryable
  ) async throws -> [Payment] {
    try await all(
      "SELECT \(columns) FROM payments.payment WHERE $1::uuid IS NULL OR id > $1 ORDER BY id LIMIT $2",
      [last.map { .id($0) } ?? .null, .int8(Int64(limit))],
      in: database
    )
  }

  /// Counts an attempt and returns the payment as it stands. For display, and to know that something may have been sent
  /// before; not fenced, may count an attempt whose worker has lost the task.
  ///
  /// Its commit doesn't wait for the disk: the next one that does, such as an effect's intent, takes it along before
  /// anything is sent. A statement of its own, so that no other is made to wait for nothing.
  static func beginAttempt(_ id: PaymentID, in pool: LibpqPool) async throws -> Payment? {
    try await one(
      """
      UPDATE payments.payment SET attempts = attempts + 1 WHERE id = $1
      RETURNING \(columns), set_config('synchronous_commit', 'off', true)
      """,
      [.id(id)],
      in: pool
    )
  }

  /// Lets something happen to a payment: locks its row, asks ``PaymentState`` what it means, and writes the new state and
  /// the event. Two round trips, one if nothing changes.
  ///
  /// - Parameter actor: a caller's name; nil: whoever is behind such an input, see ``PaymentActor``.
  /// - Returns: nil if there is no such payment.
  package static func apply(
    _ input: PaymentInput,
    to id: PaymentID,
    by actor: String? = nil,
    in transaction: LibpqTransaction
  ) async throws -> PaymentTransition? {
    guard let payment = try await lock(id, in: transaction) else { return nil }
    let transition = payment.state.transition(on: input)
    if let event = transition.event {
      try await write(
        transition.state,
        event,
        transition.detail,
        to: id,
        by: actor ?? input.actor,
        in: transaction
      )
    }
    return transition
  }

  private static func write(
    _ state: PaymentState,
    _ event: PaymentEvent.Kind,
    _ detail: String?,
    to id: PaymentID,
    by actor: String,
    in transaction: LibpqTransaction
  ) async throws {
    _ = try await transaction.query(
      """
      WITH changed AS (
        UPDATE payments.payment SET
          status = $2, provider_id = $3, failure = CASE WHEN $2 = 'FAILED' THEN $7 ELSE failure END,
          execution_requested_at = CASE WHEN $4 THEN coalesce(execution_requested_at, now()) END,
          cancellation_requested_at = CASE WHEN $5 THEN coalesce(cancellation_requested_at, now()) END,
          stop_reason = $8, updated_at = now()
        WHERE id = $1
        RETURNING id
      )
      INSERT INTO payments.payment_event (payment_id, kind, status, detail, actor)
      SELECT id, $6, $2, $7, $9 FROM changed
      """,
      [
        .id(id), .text(state.status.rawValue), .optional(state.providerId), .bool(state.isExecutionRequested),
        .bool(state.isCancellationRequested), .text(event.rawValue), .optional(detail),
        .optional(state.stopReason), .text(actor),
      ]
    )
  }

  /// The payments that a person has to look at, oldest first, at most a thousand.
  package static func stopped(in database: some LibpqQueryable) async throws -> [Payment] {
    try await all(
      """
      SELECT \(columns) FROM payments.payment
      WHERE stop_reason IS NOT NULL AND status NOT IN ('DONE', 'CANCELLED', 'FAILED') ORDER BY created_at, id LIMIT 1000
      """,
      [],
      in: database
    )
  }

  /// How many payments a person has to look at, themselves or a refund of theirs; counted up to ``countLimit``.
  static func stoppedCount(in database: some LibpqQueryable) async throws -> Int {
    let result = try await database.query(
      """
      SELECT count(*) FROM (
        SELECT id FROM payments.payment WHERE stop_reason IS NOT NULL AND status NOT IN ('DONE', 'CANCELLED', 'FAILED')
        UNION SELECT payment_id FROM payments.refund WHERE stop_reason IS NOT NULL AND status NOT IN ('DONE', 'FAILED')
        LIMIT $1
      ) AS stopped
      """,
      [.int8(Int64(countLimit))]
    )
    return Int(try result[0].int8(0))
  }

  package static func one(
    _ sql: String,
    _ parameters: [LibpqValue],
    in database: some LibpqQueryable
  ) async throws -> Payment? {
    let result = try await database.query(sql, parameters)
    return result.rowCount == 0 ? nil : try payment(result[0])
  }

  package static func all(
    _ sql: String,
    _ parameters: [LibpqValue],
    in database: some LibpqQueryable
  ) async throws -> [Payment] {
    try await database.query(sql, parameters).rows.map { try payment($0) }
  }

  package static func payment(_ row: LibpqRow) throws -> Payment {
    Payment(
      id: try row.id(0),
      userId: try row.text(1),
      orderId: try row.optionalText(2),
      amount: try row.int8(3),
      currency: try row.text(4),
      description: try row.text(5),
      status: PaymentStatus(rawValue: try row.text(6)),
      provider: try row.text(7),
      providerId: try row.optionalText(8),
      failure: try row.optionalText(9),
      attempts: Int(try row.int8(10)),
      createdAt: try row.timestamptz(11),
      updatedAt: try row.timestamptz(12),
      executionRequestedAt: try row.optionalTimestamptz(13),
      cancellationRequestedAt: try row.optionalTimestamptz(14),
      stopReason: try row.optionalText(15)
    )
  }
}

extension LibpqValue {
  /// NULL for nil.
  static func optional(_ text: String?) -> LibpqValue {
    text.map { .text($0) } ?? .null
  }
}
