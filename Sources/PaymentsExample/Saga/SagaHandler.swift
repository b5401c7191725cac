import Libpq
import TaskQueue
import TaskQueuePostgres

/// Take a payment through the steps around it, from its first one to its end.
struct RunSaga: TaskPayload {
  static let taskType: TaskType = "payment.saga"

  var paymentId: PaymentID
  /// Whether it is the payment's first task, so that nothing can have been sent before. nil: no.
  var isFirst: Bool?

  /// One per payment at most, so that a repair can't double it.
  var options: EnqueueOptions { .with { $0.unique = UniqueKey("payment.saga:\(paymentId)") } }
}

/// A payment with steps around it, as a flow: what comes before it, the payment itself, what comes after it, and all of that backwards if it
/// comes to nothing.
///
/// The payment is made by tasks of its own; the flow waits for the event of its end (`P0004_saga.sql`) and holds nothing meanwhile. Transactions
/// lock the flow's task, then the payment.
struct SagaHandler: PaymentTaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let services: StepServices
  let providers: PaymentProviders

  static func payment(of payload: RunSaga) -> PaymentID? { payload.paymentId }

  func handle(_ payload: RunSaga, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.find(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    let steps = try await PaymentStore.steps(of: payment.id, in: client.pool)
    let isFirst = payload.isFirst == true
    let saga = PaymentSaga(handler: self, payment: payment, isFirst: isFirst, context: context)

    let isWanted = try await context.step("wanted") { !payment.status.movedNothing }
    guard isWanted else { return .completed }
    for step in steps where step.isBefore {
      if step.canBeUndone { try await context.onFailure(step.rawValue) { try await saga.undo(step) } }
      guard try await saga.perform(step) else { return try await undone(context) }
    }
    try await context.onFailure("payment") { try await saga.takeBack() }
    try await context.transaction("payment", on: client) { transaction in
      let first = InitPayment(paymentId: payment.id, isFirst: isFirst)
      return try await client.enqueue(first, options: first.options, in: transaction).isNew
    }
    let end = try await end(of: payment, context)
    if end.movedNothing { return try await undone(context) }
    // What was returned is for a person.
    for step in steps where !step.isBefore && end == .done {
      if try await saga.perform(step) { continue }
      let refund = try await context.transaction("refund", on: client) { try await saga.payBack(in: $0) }
      if let refund { let _: String = try await context.event("refund-final/\(refund)") }
      return try await undone(context)
    }
    return .completed
  }

  private func end(of payment: Payment, _ context: TaskContext) async throws -> PaymentStatus {
    // What is final already needs no event, which may have expired.
    if payment.status.isFinal { return payment.status }
    return try await context.event("payment-final/\(payment.id)")
  }

  /// It came to nothing, which is an end as any other.
  private func undone(_ context: TaskContext) async throws -> TaskOutcome {
    try await context.undo()
    return .completed
  }
}
