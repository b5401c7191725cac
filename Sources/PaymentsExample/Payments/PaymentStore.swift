import Foundation
package import Libpq

/// The SQL on the payments' rows. Every method is one statement on the connection or transaction it is given, but
/// ``apply(_:to:in:)``.
package enum PaymentStore {
  /// A provider's id is of one payment.
  static let providerIdConstraint = "payment_provider_id_provider_key"
  /// The most that are counted.
  static let countLimit = 100_000
  package static let columns = """
    id, user_id, order_id, amount, currency, description, status, provider, provider_id, failure, attempts, created_at, updated_at,
    execution_requested_at, execution_rounds, cancellation_requested_at, stop_reason, nullif(caller, ''), last_error, last_error_at
    """

  package static func find(_ id: PaymentID, in database: some LibpqQueryable) async throws -> Payment? {
    try await one(statement("find", "SELECT \(columns) FROM payments.payment WHERE id = $1", [.id(id)]), in: database)
  }

  package static func find(
    providerId: String,
    at provider: String,
    in database: some LibpqQueryable
  ) async throws -> Payment? {
    let sql = "SELECT \(columns) FROM payments.payment WHERE provider_id = $1 AND provider = $2"
    return try await one(statement("at", sql, [.text(providerId), .text(provider)]), in: database)
  }

  /// Keeps everybody else from changing the payment until the transaction ends. Who also touches tasks in the transaction
  /// does that first: everybody in the same order, so that nobody waits for one another.
  static func lock(_ id: PaymentID, in transaction: LibpqTransaction) async throws -> Payment? {
    let sql = "SELECT \(columns) FROM payments.payment WHERE id = $1 FOR NO KEY UPDATE"
    return try await one(statement("lock", sql, [.id(id)]), in: transaction)
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
    try await apply([input], to: payment, by: actor, in: transaction)
    return payment.state.transition(on: input)
  }

  /// The same for a payment as it was read before, without locking it first. One round trip, none if nothing changes.
  ///
  /// - Returns: the payment after it.
  /// - Throws: ``PaymentChanged`` if somebody else has changed it since: let it leave the transaction, which is rolled back.
  @discardableResult
  static func apply(
    _ inputs: [PaymentInput],
    to payment: Payment,
    by actor: String? = nil,
    in transaction: LibpqTransaction
  ) async throws -> Payment {
    let old = payment.state
    var after = payment
    var events: [(kind: String, status: String, detail: String?, actor: String)] = []
    for input in inputs {
      let transition = after.state.transition(on: input)
      guard let event = transition.event else { continue }
      after.state = transition.state
      if after.status == .failed { after.failure = transition.detail }
      events.append((event.rawValue, after.status.rawValue, transition.detail, actor ?? input.actor))
    }
    guard !events.isEmpty else { return payment }
    let state = after.state
    let result = try await transaction.query(
      statement(
        "write",
        """
        WITH changed AS (
          UPDATE payments.payment SET
            status = $2, provider_id = $3, failure = $4, execution_rounds = $5, stop_reason = $7,
            execution_requested_at = CASE WHEN $5 > 0 THEN coalesce(execution_requested_at, now()) END,
            cancellation_requested_at = CASE WHEN $6 THEN coalesce(cancellation_requested_at, now()) END,
            updated_at = now()
          WHERE id = $1 AND status = $8 AND provider_id IS NOT DISTINCT FROM $9 AND execution_rounds = $10
            AND (cancellation_requested_at IS NOT NULL) = $11 AND stop_reason IS NOT DISTINCT FROM $12
          RETURNING id
        )
        INSERT INTO payments.payment_event (payment_id, kind, status, detail, actor)
        SELECT c.id, e.kind, e.status, e.detail, e.actor
        FROM changed c, unnest($13::text[], $14::text[], $15::text[], $16::text[]) WITH ORDINALITY
          AS e (kind, status, detail, actor, place)
        ORDER BY e.place
        """,
        [
          .id(payment.id), .text(state.status.rawValue), .optional(state.providerId), .optional(after.failure),
          .int4(Int32(state.executionRounds)), .bool(state.isCancellationRequested), .optional(state.stopReason),
          .text(old.status.rawValue), .optional(old.providerId), .int4(Int32(old.executionRounds)),
          .bool(old.isCancellationRequested), .optional(old.stopReason), .textArray(events.map(\.kind)),
          .textArray(events.map(\.status)), .textArray(events.map(\.detail)), .textArray(events.map(\.actor)),
        ]
      )
    )
    guard result.affectedRows > 0 else { throw PaymentChanged() }
    return after
  }

  /// The payments that a person has to look at, oldest first, at most a thousand.
  package static func stopped(in database: some LibpqQueryable) async throws -> [Payment] {
    try await all(
      """
      SELECT \(columns) FROM payments.payment
      WHERE stop_reason IS NOT NULL AND status NOT IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED') ORDER BY created_at, id LIMIT 1000
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
        SELECT id FROM payments.payment
        WHERE stop_reason IS NOT NULL AND (is_contradicted OR status NOT IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED'))
        UNION SELECT payment_id FROM payments.refund WHERE stop_reason IS NOT NULL AND status NOT IN ('DONE', 'FAILED')
        LIMIT $1
      ) AS stopped
      """,
      [.int8(Int64(countLimit))]
    )
    return Int(try result[0].int8(0))
  }

  /// A statement of every day: prepared once per connection.
  static func statement(_ name: String, _ sql: String, _ parameters: [LibpqValue]) -> LibpqStatement {
    LibpqStatement(sql, parameters, name: "payment_\(name)")
  }

  package static func one(
    _ sql: String,
    _ parameters: [LibpqValue],
    in database: some LibpqQueryable
  ) async throws -> Payment? {
    try await one(LibpqStatement(sql, parameters), in: database)
  }

  static func one(_ statement: LibpqStatement, in database: some LibpqQueryable) async throws -> Payment? {
    let result = try await database.query(statement)
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
      cancellationRequestedAt: try row.optionalTimestamptz(15),
      executionRounds: Int(try row.int4(14)),
      stopReason: try row.optionalText(16),
      caller: try row.optionalText(17),
      lastError: try row.optionalText(18),
      lastErrorAt: try row.optionalTimestamptz(19)
    )
  }
}

/// Somebody else has changed the payment since it was read. The attempt begins anew, at once.
struct PaymentChanged: Error {}

extension LibpqValue {
  /// NULL for nil.
  static func optional(_ text: String?) -> LibpqValue {
    text.map { .text($0) } ?? .null
  }
}
