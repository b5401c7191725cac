import Libpq
import TaskQueue
import TaskQueuePostgres

/// Register the payment at the provider. No money moves.
struct InitPayment: TaskPayload {
  static let taskType: TaskType = "payment.init"

  var paymentId: PaymentID

  /// One per payment at most, so that a repair can't double it.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.init:\(paymentId)", mode: .coalesce) }
  }
}

/// Registers a payment at the provider and hands it on to ``CheckPaymentHandler``.
///
/// What the provider registered is compared with what was asked for before it is taken for ours. If it differs, the payment is
/// stopped for a person: its id isn't stored, so it can't be executed, nor is it cancelled, for it may be somebody else's.
///
/// Registering moves no money. It goes through the ledger of effects: a worker that dies after the provider answered and
/// before the answer is stored is followed by one that asks for it by our reference before it registers another. Should
/// there be two all the same (the provider ignored the key, or two attempts overlapped), only the one stored first is ever
/// executed: the others stay in INIT, which is harmless.
struct InitPaymentHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let provider: any PaymentProvider

  static func payment(of payload: InitPayment) -> PaymentID? { payload.paymentId }

  func handle(_ payload: InitPayment, context: TaskContext, effects: TaskEffects) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.beginAttempt(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    // Cancelled before anybody began, or left to a person.
    if payment.status.isFinal, payment.providerId == nil, payment.attempts == 1 { return .completed }
    if payment.stopReason != nil { return .completed }
    if let id = payment.providerId {
      try await complete(payment, .registered(id: id, ProviderStatus(payment.status)), nil, context)
      return .settledInTransaction
    }
    do {
      let receipt = try await register(payment, ProviderEffects(effects: effects, provider: provider))
      let registered = try await compared(receipt.value, payment)
      if let reason = registered.stopReason {
        try await complete(payment, .stopped(reason: reason), receipt, context)
      } else {
        try await complete(payment, .registered(id: registered.id, registered.status ?? .initial), receipt, context)
      }
    } catch let failure as EffectFailure where failure.kind == .permanent {
      try await complete(payment, .refused(reason: failure.message), nil, context)
    }
    return .settledInTransaction
  }

  /// One commit, fenced: a worker that lost the task meanwhile changes nothing.
  private func complete(
    _ payment: Payment,
    _ input: PaymentInput,
    _ receipt: EffectReceipt<ProviderRegistration>?,
    _ context: TaskContext
  ) async throws {
    try await client.withCompletion(of: context) { transaction in
      if case .registered(let id, _) = input {
        // What was remembered for the id means that it is worth a look, which follows anyway. From here on callbacks wait for
        // this transaction, and then find the payment: this comes before the tasks, as theirs does.
        _ = try await CallbackInbox(store: client.store).claimEvents(
          source: payment.provider,
          subject: CallbackHandler.name(id),
          in: transaction
        )
        // Tasks before payments, as everywhere. A check too many finds nothing to do.
        let check = CheckPayment(paymentId: payment.id)
        try await client.enqueue(check, options: check.options, in: transaction)
      }
      if let receipt { try await client.record(receipt, in: transaction) }
      let transition = try await PaymentStore.apply(input, to: payment.id, in: transaction)
      transition?.log(payment, context.logger)
      if case .cancel = transition?.command {
        let cancel = CancelPayment(paymentId: payment.id)
        try await client.enqueue(cancel, options: cancel.options, in: transaction)
      }
    }
  }

  /// What our ledger of effects remembers is only an id: then the provider is asked what it has under it.
  private func compared(_ registration: ProviderRegistration, _ payment: Payment) async throws -> ProviderRegistration {
    guard registration.status == nil else { return registration }
    return ProviderRegistration(try await provider.payment(id: registration.id), for: payment)
  }

  private func register(
    _ payment: Payment,
    _ effects: ProviderEffects
  ) async throws -> EffectReceipt<ProviderRegistration> {
    let request = ProviderPaymentRequest(
      reference: payment.reference,
      userId: payment.userId,
      amount: payment.amount,
      currency: payment.currency,
      description: payment.description
    )
    return try await effects.call(
      "create",
      request: request,
      .init(
        // Another task of the payment, or an earlier version of this program, may have sent something.
        asksFirst: payment.attempts > 1,
        isHarmless: true,
        send: { key in
          // Cancelled while an earlier attempt was under way, and the provider has nothing of it.
          guard !payment.status.isFinal else { throw EffectFailure.permanent("cancelled", "Nothing was sent.") }
          let created = try await provider.create(request, idempotencyKey: key)
          return ProviderRegistration(created, for: payment)
        },
        ask: {
          let found = try await provider.payments(reference: payment.reference)
            .map { ProviderRegistration($0, for: payment) }
          // Somebody else's under our reference is only in the way if there is none of ours.
          return (found.first { $0.stopReason == nil } ?? found.first).map { .happened($0) } ?? .didNotHappen
        }
      )
    )
  }
}
