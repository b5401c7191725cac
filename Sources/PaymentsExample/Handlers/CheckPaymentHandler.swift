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
    guard let providerId = payment.providerId else {
      return .discard(reason: "Payment \(payload.paymentId) isn't registered at the provider.")
    }
    // A late callback for a payment that is final already.
    if payment.status.isFinal { return .completed }

    let status = try await self.provider.payment(id: providerId).status
    if status.isFinal {
      try await self.store.withCompletion(of: context) { transaction in
        try await PaymentStore.record(PaymentStatus(status), for: payment.id, in: transaction)
      }
      return .completedInTransaction
    }
    try await PaymentStore.record(PaymentStatus(status), for: payment.id, in: self.store.pool)
    if status == .initial {
      // Only ever sent for the one stored id, and repeating it changes nothing: losing the answer is no harm.
      try await self.provider.execute(id: providerId)
    }
    return .again
  }
}
