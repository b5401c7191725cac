import Libpq
import TaskQueue
import TaskQueuePostgres

/// Follows a payment at the provider until it is final.
///
/// Asks where it stands, and acts on the answer alone: INIT → have it executed and look again; DONE or CANCELLED →
/// final; anything else → record it and look again. The waits between looks double, by the retry policy; a callback
/// pulls the next look forward.
struct CheckPaymentHandler: TaskHandler {
  let store: PostgresTaskStore
  let provider: any PaymentProvider

  func handle(_ payload: CheckPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.beginAttempt(payload.paymentId, in: self.store.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    // A late callback for a payment that is final already.
    if payment.status.isFinal { return .completed }
    guard let providerId = payment.providerId else {
      return .discard(reason: "Payment \(payload.paymentId) isn't registered at the provider.")
    }

    let status = try await self.provider.payment(id: providerId).status
    if status.isFinal {
      try await self.store.withCompletion(of: context) { transaction in
        _ = try await PaymentStore.apply(.reported(status), to: payment.id, in: transaction)
      }
      return .completedInTransaction
    }
    try await self.carryOut(try await self.record(status, payment), for: payment)
    return .again
  }

  /// Stores what the provider said and what follows from it, and commits, before anything is done about it.
  private func record(_ status: ProviderStatus, _ payment: Payment) async throws -> PaymentTransition.Command? {
    var expected = payment.state.transition(on: .reported(status))
    if status == .initial { expected = expected.state.transition(on: .executionDue) }
    // Nothing new and nothing to send: no need for a transaction.
    if expected.state == payment.state, expected.command == nil { return nil }
    return try await self.store.pool.withTransaction { transaction in
      let reported = try await PaymentStore.apply(.reported(status), to: payment.id, in: transaction)
      guard status == .initial else { return reported?.command }
      return try await PaymentStore.apply(.executionDue, to: payment.id, in: transaction)?.command
    }
  }

  private func carryOut(_ command: PaymentTransition.Command?, for payment: Payment) async throws {
    switch command {
    case .execute(let id):
      // Only ever sent for the one stored id, and repeating it changes nothing: losing the answer is no harm.
      try await self.provider.execute(id: id, idempotencyKey: "payment-\(payment.id)-execute")
    case .cancel(let id):
      do {
        _ = try await self.provider.cancel(id: id, idempotencyKey: CancelPaymentHandler.idempotencyKey(for: payment))
      } catch let error as ProviderError where error.isRefusal {
        // The cancel task gets the same answer, and records it.
      }
    case .check, nil:
      break
    }
  }
}
