import Foundation
import HTTPTypes
import Hummingbird
import Libpq
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres
import TaskQueuePrometheus

/// What the API's operations do. Which there are says ``operations``.
package struct PaymentAPI: Sendable {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders
  /// One for each provider.
  let callbacks: [CallbackSource]
  let idempotency: IdempotencyGate
  let backlog: BacklogGate
  let metrics: PrometheusMetrics
  let refusals: RefusedSignatures
  /// How payments begin.
  let creation: PaymentCreation
  /// Knows what the orders of inventory events cost; nil: the events must say it.
  var orders: (any OrderSource)?
  /// Those of the inventory service's signatures. Empty: every event of it is refused.
  var inventorySecrets: [String] = []
  /// The inventory service's statuses that have an order paid.
  var payingStatuses = InventoryEvent.payingStatuses
  /// Where requests wait for results.
  let waits: PaymentWaits
  /// The clock that signatures are judged by.
  var now: @Sendable () -> Date = { Date() }

  func createPayment(_ request: APIRequest) async throws -> Response {
    let key = try RequestKey(caller: request.caller.name, operation: Self.creating, fields: request.request.headers)
    let answer = try await accept(try NewPayment(try await request.fields()), key, by: request.caller)
    guard
      let id = answer.paymentId,
      let (payment, fields) = try await waited(request, for: id)
    else { return JSONResponse.make(answer) }
    var shown = try IdempotentAnswer.json(
      payment.status.isFinal ? .created : .accepted,
      payment,
      location: answer.fields[.location]
    )
    // Told once, the result is what every repetition is answered with, whether it waits or not.
    if payment.status.isFinal, answer.status != .created {
      try await idempotency.store.replace(shown, for: key, in: client.pool)
    }
    shown.fields[.idempotencyReplayed] = answer.fields[.idempotencyReplayed]
    shown.fields.append(contentsOf: fields)
    return JSONResponse.make(shown)
  }

  /// Accepts a payment, or gives its key's first answer again.
  func accept(_ new: NewPayment, _ key: RequestKey, by caller: Caller) async throws -> IdempotentAnswer {
    do {
      return try await PaymentCreation.settlingRaces {
        try await idempotency.answer(key, RequestFingerprint(of: new), backlog: backlog) { transaction in
          try await create(new, by: caller, in: transaction)
        }
      }
    } catch let taken as OrderTaken {
      throw taken.problem
    }
  }

  func create(_ new: NewPayment, by caller: Caller, in transaction: LibpqTransaction) async throws -> IdempotentAnswer {
    let payment = try await creation.create(new, caller: caller.name, by: caller.actor, in: transaction)
    return try .json(.accepted, payment, location: "/payments/\(payment.id)")
  }

  func showPayment(_ request: APIRequest) async throws -> Response {
    let id = try request.paymentId()
    guard let payment = try await PaymentStore.find(id, of: request.caller, in: client.pool) else {
      throw Self.unknownPayment
    }
    let waited = try await waited(request, for: id)
    return try JSONResponse.make(
      .ok,
      PaymentDetails(
        payment: waited?.payment ?? payment,
        history: try await PaymentEventStore.list(id, in: client.pool),
        refunds: try await RefundStore.list(id, in: client.pool),
        troubles: try await PaymentStore.troubles(of: id, in: client.pool)
      ),
      headers: waited?.fields ?? [:]
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
      if before.executionRequestedAt != nil, try !providers.provider(of: before).capabilities.contains(.cancels) {
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
    let caller = request.caller
    func answer(_ key: RequestKey, _ fingerprint: RequestFingerprint) async throws -> IdempotentAnswer {
      try await idempotency.answer(key, fingerprint) { transaction in
        let refund = try await createRefund(new, of: id, by: caller, in: transaction)
        return try .json(.accepted, refund, location: "/payments/\(id)")
      }
    }
    if let header = request.request.headers[.idempotencyKey] {
      let key = try RequestKey(caller: caller.name, operation: "refund:\(id)", header: header)
      return JSONResponse.make(try await answer(key, RequestFingerprint(of: new)))
    }
    guard new.amount == nil else { throw ProblemError(.missingIdempotencyKey, "A refund of an amount needs one.") }
    // All that is left can be asked for once, and once more when that has failed: the request, after the last failure, is its own key.
    var key = RequestKey(caller: caller.name, operation: "refund-all:\(id)", key: "all")
    while true {
      let answer = try await answer(key, RequestFingerprint(of: "all"))
      guard answer.isReplayed, let refund = try? JSONFormat.decoder().decode(Refund.self, from: answer.body),
        try await RefundStore.hasFailed(refund.id, in: client.pool)
      else { return JSONResponse.make(answer) }
      key.key = "all after \(refund.id)"
    }
  }

  private func createRefund(
    _ new: NewRefund,
    of id: PaymentID,
    by caller: Caller,
    in transaction: LibpqTransaction
  ) async throws -> Refund {
    guard let payment = try await PaymentStore.lock(id, of: caller, in: transaction) else { throw Self.unknownPayment }
    guard try providers.provider(of: payment).capabilities.contains(.refunds) else {
      throw ProblemError(.wrongStatus, "The provider can't refund.")
    }
    guard payment.status == .done else {
      throw ProblemError(.wrongStatus, "Only a payment that is DONE can be refunded; this one is \(payment.status).")
    }
    let remaining = try await RefundStore.remaining(of: payment, in: transaction)
    guard remaining > 0, new.amount ?? remaining <= remaining else {
      throw ProblemError(.wrongStatus, "Of the payment \(max(0, remaining)) minor units are left to refund.")
    }
    let amount = new.amount ?? remaining
    return try await client.refund(amount, of: id, reason: new.reason, by: caller.actor, in: transaction)
  }

  static var unknownPayment: ProblemError { ProblemError(.notFound, "There is no such payment.") }
}
