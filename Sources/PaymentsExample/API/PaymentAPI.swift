import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import TaskQueue
import TaskQueuePostgres

/// What the API's operations do. Which there are says ``operations``.
package struct PaymentAPI: Sendable {
  let client: TaskClient<PostgresTaskStore>
  let capabilities: ProviderCapabilities
  let callbacks: CallbackHandler
  /// Those of the provider's signatures; more than one while the secret is changed. Empty: every callback is refused.
  let callbackSecrets: [String]
  let callbackFormat: ProviderCallbackFormat
  let idempotency: IdempotencyGate
  let backlog: BacklogGate
  let metrics: PrometheusMetrics
  /// Of the steps around payments.
  var services = StepServices.none
  /// Knows what the orders of inventory events cost; nil: the events must say it.
  var orders: (any OrderSource)?
  /// Those of the inventory service's signatures. Empty: every event of it is refused.
  var inventorySecrets: [String] = []
  /// The clock that signatures are judged by.
  var now: @Sendable () -> Date = { Date() }

  func createPayment(_ request: APIRequest) async throws -> Response {
    guard let header = request.header("Idempotency-Key") else { throw ProblemError(.missingIdempotencyKey) }
    let key = try self.key(scope: "payment", header, request.caller)
    let new = try NewPayment(try await request.fields())
    return try await idempotency.answer(key, new, admit: backlog.admit, end: backlog.end) {
      transaction in
      let payment = try await PaymentCreation.create(
        new,
        steps: services.steps(orderId: new.orderId),
        caller: request.caller.name,
        by: request.caller.actor,
        client: client,
        in: transaction
      )
      return IdempotentAnswer(
        status: HTTPResponse.Status.accepted.code,
        location: "/payments/\(payment.id)",
        body: try JSONFormat.encoder().encode(payment)
      )
    }
  }

  func showPayment(_ request: APIRequest) async throws -> Response {
    let id = try request.paymentId()
    guard let payment = try await PaymentStore.find(id, of: request.caller, in: client.pool) else {
      throw Self.unknownPayment
    }
    return try JSONResponse.make(
      .ok,
      PaymentDetails(
        payment: payment,
        history: try await PaymentEventStore.list(id, in: client.pool),
        refunds: try await RefundStore.list(id, in: client.pool)
      )
    )
  }

  func listPayments(_ request: APIRequest) async throws -> Response {
    let query = try PaymentQuery(try request.query(PaymentQuery.parameters))
    return try JSONResponse.make(.ok, try await query.page(of: request.caller, in: client.pool))
  }

  func cancelPayment(_ request: APIRequest) async throws -> Response {
    let id = try request.paymentId()
    let payment = try await client.pool.withTransaction { transaction in
      // Tasks before payments, as everywhere. One too many finds nothing to do; one for an unknown id is rolled back.
      let cancel = CancelPayment(paymentId: id)
      try await client.enqueue(cancel, options: cancel.options, in: transaction)
      guard let before = try await PaymentStore.lock(id, of: request.caller, in: transaction) else {
        throw Self.unknownPayment
      }
      if before.status == .cancelled { return before }
      if before.status.isFinal { throw ProblemError(.wrongStatus, "The payment is \(before.status) for good.") }
      if before.executionRequestedAt != nil, !capabilities.contains(.cancels) {
        throw ProblemError(.wrongStatus, "The provider was told to execute it, and can't cancel.")
      }
      _ = try await PaymentStore.apply(.cancellationWanted, to: id, by: request.caller.actor, in: transaction)
      return try await PaymentStore.find(id, in: transaction) ?? before
    }
    return try JSONResponse.make(payment.status.isFinal ? .ok : .accepted, payment)
  }

  func refundPayment(_ request: APIRequest) async throws -> Response {
    let id = try request.paymentId()
    let new = try NewRefund(try await request.fields(isOptional: true))
    let key: IdempotencyKey
    switch (request.header("Idempotency-Key"), new.amount) {
    case (let header?, _): key = try self.key(scope: "refund:\(id)", header, request.caller)
    // All that is left can be asked for once: the request is its own key.
    case (nil, nil): key = IdempotencyKey(scope: "\(request.caller.scopePrefix)refund-all:\(id)", key: "all")
    case (nil, _?): throw ProblemError(.missingIdempotencyKey, "A refund of an amount needs one.")
    }
    return try await idempotency.answer(key, new) { transaction in
      let refund = try await createRefund(new, of: id, by: request.caller, in: transaction)
      return IdempotentAnswer(
        status: HTTPResponse.Status.accepted.code,
        location: "/payments/\(id)",
        body: try JSONFormat.encoder().encode(refund)
      )
    }
  }

  /// The refund, its line in the history, and its task.
  private func createRefund(
    _ new: NewRefund,
    of id: Int64,
    by caller: Caller,
    in transaction: LibpqTransaction
  ) async throws -> Refund {
    guard let payment = try await PaymentStore.lock(id, of: caller, in: transaction) else { throw Self.unknownPayment }
    guard capabilities.contains(.refunds) else { throw ProblemError(.wrongStatus, "The provider can't refund.") }
    guard payment.status == .done else {
      throw ProblemError(.wrongStatus, "Only a payment that is DONE can be refunded; this one is \(payment.status).")
    }
    let remaining = try await RefundStore.remaining(of: payment, in: transaction)
    guard remaining > 0, new.amount ?? remaining <= remaining else {
      throw ProblemError(.wrongStatus, "Of the payment \(remaining) minor units are left to refund.")
    }
    let refund = try await RefundStore.insert(
      paymentId: id,
      amount: new.amount ?? remaining,
      reason: new.reason,
      in: transaction
    )
    try await PaymentEventStore.add(
      .refundRequested,
      "\(refund.reference), \(refund.amount) minor units",
      to: id,
      by: caller.actor,
      in: transaction
    )
    let task = RefundPayment(refundId: refund.id)
    try await client.enqueue(task, options: task.options, in: transaction)
    return refund
  }

  func receiveCallback(_ request: APIRequest) async throws -> Response {
    let body = try await request.body()
    guard
      ProviderSignature.isValid(
        request.header(callbackFormat.signatureHeader),
        body: body,
        secrets: callbackSecrets,
        now: now()
      )
    else { throw ProblemError(.invalidSignature) }
    if let callback = try await callbackFormat.callback(body) {
      let outcome = try await callbacks.handle(callback)
      metrics.increment("payments_callbacks_total", [("outcome", outcome.rawValue)])
    }
    return Response(status: .accepted)
  }

  private func key(scope: String, _ header: String, _ caller: Caller) throws -> IdempotencyKey {
    guard let key = IdempotencyKey(scope: caller.scopePrefix + scope, header: header) else {
      throw ProblemError(
        .malformedRequest,
        "An Idempotency-Key has 1 to \(IdempotencyKey.maxLength) printable ASCII characters without spaces."
      )
    }
    return key
  }

  private static var unknownPayment: ProblemError { ProblemError(.notFound, "There is no such payment.") }
}
