import Libpq
import TaskQueue
import TaskQueuePostgres

/// Registers a payment at the provider and hands it on to ``CheckPaymentHandler``.
///
/// Registering moves no money. A worker that dies after the provider answered and before the answer is stored leaves a
/// registered payment behind; the next attempt asks for it by our reference before it registers another. Should there
/// be two all the same (the provider ignored the key, or two attempts overlapped), only the one stored first is ever
/// executed: the others stay in INIT, which is harmless.
struct InitPaymentHandler: TaskHandler {
  let store: PostgresTaskStore
  let provider: any PaymentProvider

  func handle(_ payload: InitPayment, context: TaskContext) async throws -> TaskOutcome {
    // Committed before anything is sent: whoever comes after us sees that something may have been sent.
    guard let payment = try await PaymentStore.beginAttempt(payload.paymentId, in: self.store.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    // Cancelled before anybody began.
    if payment.status.isFinal, payment.providerId == nil { return .completed }
    let input: PaymentInput
    do {
      let registered = try await self.registered(payment)
      input = .registered(id: registered.id, registered.status)
    } catch let error as ProviderError where error.code == .refused {
      input = .refused(reason: error.reason ?? "The provider refused it with HTTP status \(error.httpStatus).")
    }
    try await self.complete(payment, input, context)
    return .completedInTransaction
  }

  /// One commit, fenced: a worker that lost the task meanwhile changes nothing.
  private func complete(_ payment: Payment, _ input: PaymentInput, _ context: TaskContext) async throws {
    try await self.store.withCompletion(of: context) { transaction in
      // Tasks before payments, as everywhere. A check too many finds nothing to do.
      let check = CheckPayment(paymentId: payment.id)
      if case .registered = input { try await self.store.enqueue(check, options: check.options, in: transaction) }
      let transition = try await PaymentStore.apply(input, to: payment.id, in: transaction)
      if case .registered(let id, _) = input { _ = try await UnmatchedCallbacks.take(id, in: transaction) }
      if case .cancel = transition?.command {
        let cancel = CancelPayment(paymentId: payment.id)
        try await self.store.enqueue(cancel, options: cancel.options, in: transaction)
      }
    }
  }

  /// Asks first if an attempt before this one may have sent something. That is counted in our own row and not taken
  /// from the task's attempt, which a shutdown gives back.
  private func registered(_ payment: Payment) async throws -> ProviderPayment {
    if let id = payment.providerId { return ProviderPayment(id: id, status: ProviderStatus(payment.status)) }
    if payment.attempts > 1,
      let existing = try await self.provider.payments(reference: payment.reference).first
    {
      return existing
    }
    return try await self.provider.create(
      ProviderPaymentRequest(
        reference: payment.reference,
        userId: payment.userId,
        amount: payment.amount,
        currency: payment.currency,
        description: payment.description
      ),
      idempotencyKey: Self.idempotencyKey(for: payment)
    )
  }

  /// The same for every attempt, after every crash.
  static func idempotencyKey(for payment: Payment) -> String {
    "payment-\(payment.id)-create"
  }
}
