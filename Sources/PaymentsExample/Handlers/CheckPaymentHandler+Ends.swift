import Libpq
import TaskQueue
import TaskQueuePostgres

extension CheckPaymentHandler {
  /// Stops a payment, together with its task, if the provider has something else than was asked for; nil: it has that.
  func stop(
    _ payment: Payment,
    unlessItIs entry: ProviderPayment,
    _ context: TaskContext
  ) async throws -> TaskOutcome? {
    guard let reason = payment.stopReason(entry) else { return nil }
    guard payment.cancellationRequestedAt == nil else {
      // Of an entry that differs we only believe that it is dropped, as a person wanted, and only if it is ours.
      let isDropped = entry.reference == payment.reference && entry.status == .cancelled
      let input = isDropped ? PaymentInput.reported(.cancelled) : .stopped(reason: reason)
      try await client.pool.withTransaction { transaction in
        try await PaymentStore.apply(input, to: payment.id, in: transaction)?.log(payment, context.logger)
      }
      return isDropped ? .completed : .again
    }
    return try await complete(payment, .stopped(reason: reason), nil, context)
  }

  /// Records the end of a payment together with the end of its task; nil: it isn't at its end.
  func conclude(
    _ execution: PaymentExecution,
    _ entry: ProviderPayment,
    _ context: TaskContext
  ) async throws -> TaskOutcome? {
    if let failure = entry.failure { return try await fail(execution, entry, failure, context) }
    guard entry.status.isFinal else { return nil }
    return try await complete(execution.payment, .reported(entry.status), nil, context)
  }

  /// FAILED is only written once the payment is cancelled in the provider's books, if it can be: nobody can make it move money
  /// later.
  private func fail(
    _ execution: PaymentExecution,
    _ entry: ProviderPayment,
    _ reason: String,
    _ context: TaskContext
  ) async throws -> TaskOutcome {
    let receipt: EffectReceipt<ProviderRegistration>?
    do {
      receipt = entry.status == .cancelled ? nil : try await drop(entry.id, execution.effects)
    } catch let failure as EffectFailure {
      // Still held by the provider, which may have gone on with it: its books decide.
      guard failure.code == ProviderError.Code.unsupported.rawValue else { return .again }
      receipt = nil
    }
    return try await complete(execution.payment, .declined(reason: reason), receipt, context)
  }

  /// Not the effect of a person's cancellation: the provider may have refused that, and would say so again.
  private func drop(_ id: String, _ effects: ProviderEffects) async throws -> EffectReceipt<ProviderRegistration> {
    let dropped = ProviderRegistration(id: id, status: .cancelled)
    return try await effects.call(
      "drop",
      request: id,
      .init(
        isHarmless: true,
        send: { key in
          do {
            if try await provider.cancel(id: id, idempotencyKey: key).status == .cancelled { return dropped }
          } catch let error as ProviderError where error.code == .refused {
            // Not for good: it may be given up again.
          }
          throw EffectFailure.temporary("not_dropped", "The provider goes on with it.")
        },
        ask: { try await provider.payment(id: id).status == .cancelled ? .happened(dropped) : .didNotHappen }
      )
    )
  }

  private func complete(
    _ payment: Payment,
    _ input: PaymentInput,
    _ receipt: EffectReceipt<ProviderRegistration>?,
    _ context: TaskContext
  ) async throws -> TaskOutcome {
    try await client.withCompletion(of: context) { transaction in
      if let receipt { try await client.record(receipt, in: transaction) }
      try await PaymentStore.apply(input, to: payment.id, in: transaction)?.log(payment, context.logger)
    }
    return .settledInTransaction
  }
}
