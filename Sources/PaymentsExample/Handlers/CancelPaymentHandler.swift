import Libpq
import TaskQueue
import TaskQueuePostgres

/// Tell the provider to drop its payment.
struct CancelPayment: TaskPayload {
  static let taskType: TaskType = "payment.cancel"

  var paymentId: PaymentID

  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.cancel:\(paymentId)", mode: .coalesce) }
  }
}

/// Asks the provider to drop a payment, and records its word.
///
/// Once the provider may have been told to execute, only its books say whether money moved: it refuses a cancellation
/// that comes too late, and the payment goes on. What isn't ours at the provider is not cancelled.
struct CancelPaymentHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders

  static func payment(of payload: CancelPayment) -> PaymentID? { payload.paymentId }

  func handle(_ payload: CancelPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.find(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    let provider = try providers.provider(of: payment)
    // Nothing there to drop yet; if init registers it all the same, it asks again.
    guard let id = payment.providerId else { return .completed }
    let isDropped = payment.status == .cancelled || payment.status == .failed
    if !isDropped, payment.cancellationRequestedAt == nil {
      // Nobody wants it any more, but if something was sent, the ledger is to know what became of it.
      guard try await !client.effects(of: context.claim.id).isEmpty else { return .completed }
    }
    let entry = try await entry(id, provider)
    let stopReason = entry.flatMap(payment.stopReason)
    if let stopReason, entry?.reference != payment.reference {
      try await complete(payment, .stopped(reason: stopReason), nil, context)
      return .settledInTransaction
    }
    do {
      let receipt = try await cancel(id, ProviderEffects(effects: context.effects, provider: provider))
      var status = receipt.value.status
      if status == nil { status = try await provider.payment(id: id).status }
      try await complete(payment, input(status ?? .cancelled, stopReason), receipt, context)
    } catch let failure as EffectFailure where failure.kind == .permanent {
      try await complete(payment, .cancellationRefused(reason: failure.message), nil, context)
    }
    return .settledInTransaction
  }

  /// nil: the provider doesn't know it.
  private func entry(_ id: String, _ provider: any PaymentProvider) async throws -> ProviderPayment? {
    do { return try await provider.payment(id: id) } catch let error as ProviderError
      where error.code == .unknownPayment
    {
      return nil
    }
  }

  /// Of an entry that differs from what was asked for we only believe that it is dropped.
  private func input(_ status: ProviderStatus, _ stopReason: String?) -> PaymentInput {
    if let stopReason, status != .cancelled { return .stopped(reason: stopReason) }
    return .reported(status)
  }

  private func complete(
    _ payment: Payment,
    _ input: PaymentInput,
    _ receipt: EffectReceipt<ProviderRegistration>?,
    _ context: TaskContext
  ) async throws {
    let written = try await client.withCompletion(of: context) { transaction in
      let check = CheckPayment(paymentId: payment.id)
      // Tasks before payments, as everywhere. A check too many finds nothing to do.
      if !payment.status.isFinal { try await client.enqueue(check, options: check.options, in: transaction) }
      if let receipt { try await client.record(receipt, in: transaction) }
      return try await PaymentStore.apply([input], to: payment, in: transaction)
    }
    written.logStop(since: payment, context.logger)
  }

  private func cancel(_ id: String, _ effects: ProviderEffects) async throws -> EffectReceipt<ProviderRegistration> {
    let provider = effects.provider
    return try await effects.call(
      "cancel",
      request: id,
      .init(
        isHarmless: true,
        send: { key in
          let cancelled = try await provider.cancel(id: id, idempotencyKey: key)
          return ProviderRegistration(id: id, status: cancelled.status)
        },
        ask: {
          switch try await provider.payment(id: id).status {
          case .cancelled: .happened(ProviderRegistration(id: id, status: .cancelled))
          case .done: .failed(.permanent("refused", "The provider has executed it."))
          default: .didNotHappen
          }
        }
      )
    )
  }
}
