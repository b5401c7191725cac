import Libpq
import TaskQueue
import TaskQueuePostgres

/// Register the payment at the provider, and have it executed.
struct InitPayment: TaskPayload {
  static let taskType: TaskType = "payment.init"

  var paymentId: PaymentID
  /// Whether it is the payment's first task, so that nothing can have been sent before. nil: no.
  var isFirst: Bool?

  /// One per payment at most, so that a repair can't double it.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.init:\(paymentId)", mode: .coalesce) }
  }
}

/// Registers a payment at the provider, keeps its id, and goes on as ``PaymentFollower`` does.
///
/// Registering moves no money, and needs no entry in the ledger of effects: the payment's own row is the intent, committed before, and its id
/// is what the provider knows it by and the idempotency key. Every attempt but the very first looks for it by that before it registers.
/// Should there be two all the same (the provider ignored the key, or two attempts overlapped), only the one stored first is ever
/// executed: the others stay in INIT, which is harmless.
///
/// What the provider registered is compared with what was asked for before it is taken for ours. If it differs, the payment is
/// stopped for a person: its id isn't stored, so it can't be executed, nor is it cancelled, for it may be somebody else's.
struct InitPaymentHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders
  /// Before the first look at a payment that the provider has been told to execute.
  var firstLook = Duration.seconds(60)

  static func payment(of payload: InitPayment) -> PaymentID? { payload.paymentId }

  func handle(_ payload: InitPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.find(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    // Left to a person.
    if payment.stopReason != nil { return .completed }
    let provider = try providers.provider(of: payment)
    var follower = PaymentFollower(client: client, provider: provider, context: context, payment: payment)
    follower.firstLook = firstLook
    if let id = payment.providerId { return try await follower.act(on: try await provider.payment(id: id)) }
    do {
      let isFirst = payload.isFirst == true && context.attempt == 1
      guard let entry = try await registered(payment, provider, asksFirst: !isFirst) else { return .completed }
      if let reason = payment.stopReason(entry) { return try await follower.conclude([.stopped(reason: reason)]) }
      follower.news = [.registered(id: entry.id, entry.status)]
      return try await follower.act(on: entry)
    } catch let error as ProviderError where error.isRefusal {
      return try await follower.conclude([.refused(reason: error.refusal)])
    } catch let error as LibpqError where error.constraint == PaymentStore.providerIdConstraint {
      follower.news = []
      return try await follower.conclude([.stopped(reason: "The provider gave it the id of another payment.")])
    } catch  where Task.isCancelled && payload.isFirst == true {
      // It may have been sent: the next attempt has to know that it isn't the first.
      return .again(after: .zero)
    }
  }

  /// - Returns: nil: the provider has nothing of it, and isn't to get it any more.
  private func registered(
    _ payment: Payment,
    _ provider: any PaymentProvider,
    asksFirst: Bool
  ) async throws -> ProviderPayment? {
    if asksFirst, let entry = try await found(payment, provider) { return entry }
    if payment.status.isFinal { return nil }
    let request = ProviderPaymentRequest(
      reference: payment.reference,
      userId: payment.userId,
      amount: payment.amount,
      currency: payment.currency,
      description: payment.description
    )
    do { return try await provider.create(request, idempotencyKey: payment.reference) } catch let error as ProviderError
      where error.code == .unexpectedStatus
    {
      // It has answered, so the request isn't on its way any more: its books say what became of it.
      guard let entry = try? await found(payment, provider) else { throw error }
      return entry
    }
  }

  /// Somebody else's, under our reference or shown by a provider that passes over it, is only in the way if there is none of ours.
  private func found(_ payment: Payment, _ provider: any PaymentProvider) async throws -> ProviderPayment? {
    let entries = try await provider.payments(reference: payment.reference)
    return entries.first { payment.stopReason($0) == nil }
      ?? entries.first { $0.reference == payment.reference } ?? entries.first
  }
}
