import Libpq
import TaskQueuePostgres

/// The SQL on the steps around payments. Whoever locks a payment too does that first.
enum StepStore {
  /// Together with the payment itself.
  static func insert(_ steps: [StepName], of payment: PaymentID, in transaction: LibpqTransaction) async throws {
    guard !steps.isEmpty else { return }
    _ = try await transaction.query(
      """
      INSERT INTO payments.step (payment_id, position, name)
      SELECT $1, position, name FROM unnest($2::text[]) WITH ORDINALITY AS step (name, position)
      """,
      [.id(payment), .textArray(steps.map(\.rawValue))]
    )
  }

  /// nil: there is no such payment.
  static func saga(_ payment: PaymentID, in database: some LibpqQueryable) async throws -> Saga? {
    let result = try await database.query(
      """
      SELECT p.status, s.name, s.state, s.refund_id, r.status FROM payments.payment p
      LEFT JOIN payments.step s ON s.payment_id = p.id LEFT JOIN payments.refund r ON r.id = s.refund_id
      WHERE p.id = $1 ORDER BY s.position
      """,
      [.id(payment)]
    )
    guard let first = result.rows.first else { return nil }
    var saga = Saga(status: PaymentStatus(rawValue: try first.text(0)), steps: [])
    for row in result.rows where try !row.isNull(1) {
      guard let name = StepName(rawValue: try row.text(1)), let state = SagaStep.State(rawValue: try row.text(2)) else {
        throw LibpqError(.decoding, "a step of a payment has an unknown name or state")
      }
      saga.steps.append(SagaStep(name: name, state: state, refundId: try row.optionalID(3)))
      if let status = try row.optionalText(4) { saga.refundStatus = status }
    }
    return saga
  }

  /// Committed before the service is called: whoever comes after us sees that something may have been done.
  /// - Returns: false: it was begun before.
  static func start(_ step: StepName, of payment: PaymentID, in database: some LibpqQueryable) async throws -> Bool {
    try await database.query(
      """
      UPDATE payments.step SET state = 'STARTED', changed_at = now()
      WHERE payment_id = $1 AND name = $2 AND state = 'PENDING'
      """,
      [.id(payment), .text(step.rawValue)]
    ).affectedRows == 1
  }

  /// - Returns: false: somebody else did, or there is no such step in that state.
  static func change(
    _ step: StepName,
    of payment: PaymentID,
    from old: SagaStep.State,
    to new: SagaStep.State,
    reason: String? = nil,
    in transaction: LibpqTransaction
  ) async throws -> Bool {
    try await transaction.query(
      """
      UPDATE payments.step SET state = $4, reason = $5, changed_at = now()
      WHERE payment_id = $1 AND name = $2 AND state = $3
      """,
      [.id(payment), .text(step.rawValue), .text(old.rawValue), .text(new.rawValue), .optional(reason)]
    ).affectedRows == 1
  }

  static func setRefund(
    _ refund: RefundID,
    of step: StepName,
    _ payment: PaymentID,
    in transaction: LibpqTransaction
  ) async throws {
    _ = try await transaction.query(
      "UPDATE payments.step SET refund_id = $3, changed_at = now() WHERE payment_id = $1 AND name = $2",
      [.id(payment), .text(step.rawValue), .id(refund)]
    )
  }
}
