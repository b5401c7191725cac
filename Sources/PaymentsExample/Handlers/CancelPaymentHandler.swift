import Libpq
import TaskQueue
import TaskQueuePostgres

/// Asks the provider to drop a payment, and records its word.
///
/// Once the provider may have been told to execute, only its books say whether money moved: it refuses a cancellation
/// that comes too late, and the payment goes on.
struct CancelPaymentHandler: TaskHandler {
  let store: PostgresTaskStore
  let provider: any PaymentProvider

  func handle(_ payload: CancelPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.find(payload.paymentId, in: self.store.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    // Nothing there to drop yet; if init registers it all the same, it asks again.
    guard let id = payment.providerId else { return .completed }
    let isDropped = payment.status == .cancelled || payment.status == .failed
    guard isDropped || payment.cancellationRequestedAt != nil else { return .completed }
    let input: PaymentInput
    do {
      let cancelled = try await self.provider.cancel(id: id, idempotencyKey: Self.idempotencyKey(for: payment))
      input = .reported(cancelled.status)
    } catch let error as ProviderError where error.isRefusal {
      input = .cancellationRefused(reason: error.reason ?? "The provider doesn't cancel it.")
    }
    try await self.store.withCompletion(of: context) { transaction in
      let check = CheckPayment(paymentId: payment.id)
      // Tasks before payments, as everywhere. A check too many finds nothing to do.
      if !payment.status.isFinal { try await self.store.enqueue(check, options: check.options, in: transaction) }
      _ = try await PaymentStore.apply(input, to: payment.id, in: transaction)
    }
    return .completedInTransaction
  }

  /// The same for every attempt, after every crash.
  static func idempotencyKey(for payment: Payment) -> String {
    "payment-\(payment.id)-cancel"
  }
}
