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

/// Follows a payment at the provider until it is final.
///
/// Asks where it stands, and acts on the answer alone: INIT → have it executed and look again; DONE or CANCELLED →
/// final; given up by the provider → dropped there, and FAILED; anything else → record it and look again. The waits
/// between looks double, by the retry policy; a callback pulls the next look forward.
///
/// Each answer is compared with what was asked for before it is believed. If it differs, the payment is stopped for a person:
/// nothing is executed, nothing cancelled.
struct CheckPaymentHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let provider: any PaymentProvider

  static func payment(of payload: CheckPayment) -> PaymentID? { payload.paymentId }

  func handle(_ payload: CheckPayment, context: TaskContext, effects: TaskEffects) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.beginAttempt(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    guard let providerId = payment.providerId else {
      // Cancelled or refused before anything was registered.
      if payment.status.isFinal { return .completed }
      return .discard(reason: "Payment \(payload.paymentId) isn't registered at the provider.")
    }
    let execution = PaymentExecution(
      payment: payment,
      providerId: providerId,
      // What was sent is known to this task's ledger only.
      earlier: payment.executionRequestedAt == nil ? [] : try await client.effects(of: context.claim.id),
      effects: ProviderEffects(effects: effects, provider: provider)
    )
    // A late callback for a payment that is final already.
    if payment.status.isFinal {
      try await execution.settle(ProviderPayment(id: providerId, status: ProviderStatus(payment.status)))
      return try await AfterDone(client: client, provider: provider).follow(payment, context)
    }
    // Left to a person. If that one cancels it, the provider's word is waited for.
    if payment.stopReason != nil, payment.cancellationRequestedAt == nil { return .completed }
    let entry = try await provider.payment(id: providerId)
    if let outcome = try await stop(payment, unlessItIs: entry, context) { return outcome }
    if entry.isBegun { try await execution.settle(entry) }
    if let outcome = try await conclude(execution, entry, context) { return outcome }
    return try await carryOut(try await record(entry.status, payment), execution, context)
  }

  /// Stores what the provider said and what follows from it, and commits, before anything is done about it.
  private func record(_ status: ProviderStatus, _ payment: Payment) async throws -> PaymentTransition.Command? {
    var expected = payment.state.transition(on: .reported(status))
    if status == .initial { expected = expected.state.transition(on: .executionDue) }
    // Nothing new and nothing to write: no need for a transaction.
    if expected.state == payment.state { return expected.command }
    return try await client.pool.withTransaction { transaction in
      let reported = try await PaymentStore.apply(.reported(status), to: payment.id, in: transaction)
      guard status == .initial else { return reported?.command }
      return try await PaymentStore.apply(.executionDue, to: payment.id, in: transaction)?.command
    }
  }

  private func carryOut(
    _ command: PaymentTransition.Command?,
    _ execution: PaymentExecution,
    _ context: TaskContext
  ) async throws -> TaskOutcome {
    switch command {
    case .execute:
      guard let entry = try await execution.execute(context.logger) else { return .again }
      if let outcome = try await stop(execution.payment, unlessItIs: entry, context) { return outcome }
      return try await conclude(execution, entry, context) ?? .again
    case .cancel:
      let cancel = CancelPayment(paymentId: execution.payment.id)
      // Its task is alive as a rule; this one is coalesced with it.
      try await client.enqueue(cancel, options: cancel.options)
      return .again
    case .check, nil:
      return .again
    }
  }
}
