import Libpq
import TaskQueue
import TaskQueuePostgres

/// Has the provider pay money back, and follows the refund until it is final.
///
/// Our row is committed before the provider is asked, and an attempt that may not be the first looks for its refund
/// before it asks for one.
struct RefundPaymentHandler: TaskHandler {
  let store: PostgresTaskStore
  let provider: any PaymentProvider

  func handle(_ payload: RefundPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let (refund, attempts) = try await RefundStore.beginAttempt(payload.refundId, in: self.store.pool) else {
      return .discard(reason: "There is no refund \(payload.refundId).")
    }
    if refund.isFinal { return .completed }
    guard let id = try await PaymentStore.find(refund.paymentId, in: self.store.pool)?.providerId else {
      return .discard(reason: "Payment \(refund.paymentId) isn't registered at the provider.")
    }
    let answer: ProviderRefund
    do {
      answer = try await self.answer(refund, providerId: id, isFirst: attempts == 1)
    } catch let error as ProviderError where error.isRefusal {
      try await self.complete(refund, Refund.failed, nil, error.reason ?? "The provider doesn't refund it.", context)
      return .completedInTransaction
    }
    if answer.status == Refund.done || answer.status == Refund.failed {
      try await self.complete(refund, answer.status, answer.id, answer.id, context)
      return .completedInTransaction
    }
    let status = PaymentStatus(ProviderStatus(rawValue: answer.status)).rawValue
    try await self.store.pool.withTransaction { transaction in
      _ = try await RefundStore.record(status: status, providerId: answer.id, for: refund.id, in: transaction)
    }
    return .again
  }

  private func answer(_ refund: Refund, providerId: String, isFirst: Bool) async throws -> ProviderRefund {
    if !isFirst {
      let existing = try await self.provider.refunds(paymentId: providerId)
      if let found = existing.first(where: { $0.reference == refund.reference }) { return found }
    }
    return try await self.provider.refund(
      ProviderRefundRequest(paymentId: providerId, reference: refund.reference, amount: refund.amount),
      idempotencyKey: refund.reference
    )
  }

  private func complete(
    _ refund: Refund,
    _ status: String,
    _ providerId: String?,
    _ detail: String,
    _ context: TaskContext
  ) async throws {
    try await self.store.withCompletion(of: context) { transaction in
      guard try await RefundStore.record(status: status, providerId: providerId, for: refund.id, in: transaction)
      else { return }
      let event = status == Refund.done ? PaymentEvent.Kind.refunded : .refundFailed
      try await PaymentEventStore.add(event, "\(refund.reference), \(detail)", to: refund.paymentId, in: transaction)
    }
  }
}
