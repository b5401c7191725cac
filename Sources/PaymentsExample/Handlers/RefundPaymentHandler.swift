import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Have the provider pay money back.
struct RefundPayment: TaskPayload {
  static let taskType: TaskType = "payment.refund"

  var refundId: RefundID

  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.refund:\(refundId)", mode: .coalesce) }
  }
}

extension TaskClient<PostgresTaskStore> {
  /// Writes a refund, its line in the history, and its task. The caller holds the payment's lock.
  func refund(
    _ amount: Int64,
    of payment: PaymentID,
    reason: String,
    by actor: String = PaymentActor.worker,
    in transaction: LibpqTransaction
  ) async throws -> Refund {
    let refund = try await RefundStore.insert(paymentId: payment, amount: amount, reason: reason, in: transaction)
    let detail = "\(refund.reference), \(amount) minor units"
    try await PaymentEventStore.add(.refundRequested, detail, to: payment, by: actor, in: transaction)
    let task = RefundPayment(refundId: refund.id)
    try await enqueue(task, options: task.options, in: transaction)
    return refund
  }
}

/// Has the provider pay money back, and follows the refund until it is final.
///
/// Our row and the intent are committed before the provider is asked, and an attempt that may not be the first looks for its
/// refund before it asks for one. A refund of another amount than was asked for is stopped for a person.
struct RefundPaymentHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders

  static func payment(of payload: RefundPayment) -> PaymentID? { nil }

  func handle(_ payload: RefundPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let (refund, attempts) = try await RefundStore.beginAttempt(payload.refundId, in: client.pool) else {
      return .discard(reason: "There is no refund \(payload.refundId).")
    }
    if refund.isFinal || refund.stopReason != nil || refund.origin != .caller { return .completed }
    guard let payment = try await PaymentStore.find(refund.paymentId, in: client.pool), let id = payment.providerId
    else {
      return .discard(reason: "Payment \(refund.paymentId) isn't registered at the provider.")
    }
    do {
      let provider = try providers.provider(of: payment)
      let effects = ProviderEffects(effects: context.effects, provider: provider)
      let receipt = try await register(refund, paymentId: id, asksFirst: attempts > 1, effects)
      var registration = receipt.value
      if registration.status == nil { registration = try await find(refund, paymentId: id, provider) ?? registration }
      if let reason = registration.stopReason { return try await stop(refund, reason, receipt, context) }
      return try await record(registration, receipt, refund, context)
    } catch let failure as EffectFailure where failure.kind == .permanent {
      try await complete(
        refund,
        .init(status: Refund.failed, providerId: nil, failure: failure.message, detail: failure.message),
        nil,
        context
      )
      return .settledInTransaction
    }
  }

  private func register(
    _ refund: Refund,
    paymentId: String,
    asksFirst: Bool,
    _ effects: ProviderEffects
  ) async throws -> EffectReceipt<ProviderRegistration> {
    let request = ProviderRefundRequest(paymentId: paymentId, reference: refund.reference, amount: refund.amount)
    let provider = effects.provider
    return try await effects.call(
      "refund",
      request: request,
      .init(
        asksFirst: asksFirst,
        isHarmless: false,
        send: { key in
          ProviderRegistration(try await provider.refund(request, idempotencyKey: key), for: refund)
        },
        ask: {
          guard let found = try await find(refund, paymentId: paymentId, provider) else { return .didNotHappen }
          return .happened(found)
        }
      )
    )
  }

  private func find(
    _ refund: Refund,
    paymentId: String,
    _ provider: any PaymentProvider
  ) async throws -> ProviderRegistration? {
    let found = try await provider.refunds(paymentId: paymentId).first { $0.reference == refund.reference }
    return found.map { ProviderRegistration($0, for: refund) }
  }

  /// The provider has paid back, or will, something else than it was asked for.
  private func stop(
    _ refund: Refund,
    _ reason: String,
    _ receipt: EffectReceipt<ProviderRegistration>,
    _ context: TaskContext
  ) async throws -> TaskOutcome {
    try await client.withCompletion(of: context) { transaction in
      try await client.record(receipt, in: transaction)
      guard try await RefundStore.setStopReason(reason, of: refund.id, in: transaction) else { return }
      try await PaymentEventStore.add(.stopped, "\(refund.reference), \(reason)", to: refund.paymentId, in: transaction)
      context.logger.error(
        "refund stopped: a person has to look",
        metadata: ["payment": "\(refund.paymentId)", "refund": "\(refund.id)", "reason": "\(reason)"]
      )
    }
    return .settledInTransaction
  }

  /// Stores what the provider said, together with the effect's outcome.
  private func record(
    _ registration: ProviderRegistration,
    _ receipt: EffectReceipt<ProviderRegistration>,
    _ refund: Refund,
    _ context: TaskContext
  ) async throws -> TaskOutcome {
    let status = ProviderRefund.state(registration.status?.rawValue ?? "")
    if status == Refund.done || status == Refund.failed {
      let failure = status == Refund.failed ? ProviderRefund.failure(registration.status?.rawValue ?? "") : nil
      let end = Outcome(status: status, providerId: registration.id, failure: failure, detail: registration.id)
      try await complete(refund, end, receipt, context)
      return .settledInTransaction
    }
    try await client.pool.withTransaction { transaction in
      try await client.record(receipt, in: transaction)
      _ = try await RefundStore.record(
        status: status,
        providerId: registration.id,
        for: refund.id,
        in: transaction
      )
    }
    return .again
  }

  /// How a refund ends.
  private struct Outcome {
    var status: String
    var providerId: String?
    /// Why it failed, if it did.
    var failure: String?
    var detail: String
  }

  private func complete(
    _ refund: Refund,
    _ outcome: Outcome,
    _ receipt: EffectReceipt<ProviderRegistration>?,
    _ context: TaskContext
  ) async throws {
    try await client.withCompletion(of: context) { transaction in
      if let receipt { try await client.record(receipt, in: transaction) }
      guard
        try await RefundStore.record(
          status: outcome.status,
          providerId: outcome.providerId,
          failure: outcome.failure,
          for: refund.id,
          in: transaction
        )
      else { return }
      let event = PaymentEvent.kind(ofRefund: outcome.status)
      let detail = "\(refund.reference), \(outcome.detail)"
      try await PaymentEventStore.add(event, detail, to: refund.paymentId, by: PaymentActor.provider, in: transaction)
    }
  }
}
