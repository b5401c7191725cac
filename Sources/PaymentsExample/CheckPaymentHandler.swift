import Libpq
import TaskQueue
import TaskQueuePostgres

/// Ask the provider where the payment stands, and have it executed if it waits for that.
struct CheckPayment: TaskPayload {
  static let taskType: TaskType = "payment.check"

  var paymentId: PaymentID

  /// One check task per payment at most. Who wants another pulls the existing one forward; one that runs runs once more.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.check:\(paymentId)", mode: .coalesce) }
  }
}

/// Looks at a payment at the provider until it is final, and does what follows: ``PaymentFollower``.
///
/// The waits between looks double, by the retry policy; a callback pulls the next look forward.
struct CheckPaymentHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders
  /// See ``PaymentFollower/unknownWithin``.
  var unknownWithin = UpkeepSettings().finalWithin

  static func payment(of payload: CheckPayment) -> PaymentID? { payload.paymentId }

  func handle(_ payload: CheckPayment, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.find(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    guard let id = payment.providerId else {
      // Cancelled or refused before anything was registered.
      if payment.status.isFinal { return .completed }
      return .discard(reason: "Payment \(payload.paymentId) isn't registered at the provider.")
    }
    let provider = try providers.provider(of: payment)
    var follower = PaymentFollower(client: client, provider: provider, context: context, payment: payment)
    follower.unknownWithin = unknownWithin
    // A late callback for a payment that is final already.
    if payment.status.isFinal {
      try await follower.settle(ProviderPayment(id: id, status: ProviderStatus(payment.status)))
      return try await AfterDone(client: client, provider: provider).follow(payment, context)
    }
    // Left to a person. If that one cancels it, the provider's word is waited for.
    if payment.stopReason != nil, payment.cancellationRequestedAt == nil { return .completed }
    return try await follower.act(on: try await provider.payment(id: id))
  }
}
