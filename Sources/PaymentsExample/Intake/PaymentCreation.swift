import Libpq
import TaskQueue
import TaskQueuePostgres

/// How a payment begins.
enum PaymentCreation {
  /// Stores the payment, the first line of its history, and its first task, in the caller's transaction: none of them
  /// ever exists without the others.
  ///
  /// - Parameters:
  ///   - steps: those around the payment, in order; see ``Saga``.
  ///   - caller: whose payment it is; empty: nobody's.
  ///   - actor: who made it, for the history.
  static func create(
    _ new: NewPayment,
    steps: [StepName] = [],
    caller: String = "",
    by actor: String = PaymentActor.worker,
    client: TaskClient<PostgresTaskStore>,
    in transaction: LibpqTransaction
  ) async throws -> Payment {
    let result = try await transaction.query(
      """
      WITH created AS (
        INSERT INTO payments.payment (user_id, order_id, amount, currency, description, caller)
        VALUES ($1, $2, $3, $4, $5, $6) RETURNING *
      ), event AS (
        INSERT INTO payments.payment_event (payment_id, kind, status, actor) SELECT id, 'created', status, $7 FROM created
      )
      SELECT \(PaymentStore.columns) FROM created
      """,
      [
        .text(new.userId), .optional(new.orderId), .int8(new.amount), .text(new.currency), .text(new.description),
        .text(caller), .text(actor),
      ]
    )
    let payment = try PaymentStore.payment(result[0])
    try await StepStore.insert(steps, of: payment.id, in: transaction)
    if steps.contains(where: \.isBefore) {
      let first = RunSaga(paymentId: payment.id)
      try await client.enqueue(first, options: first.options, in: transaction)
    } else {
      let first = InitPayment(paymentId: payment.id)
      try await client.enqueue(first, options: first.options, in: transaction)
    }
    return payment
  }
}
