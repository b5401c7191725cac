import Libpq
import TaskQueue
import TaskQueuePostgres

/// A payment and the steps around it, one by one, forwards and backwards.
///
/// Each call of a service is an effect in the library's ledger: begun in a commit before it, ended in the one that writes what follows from
/// it, looked up at the service if nobody knows how it ended.
struct PaymentSaga: Sendable {
  let handler: SagaHandler
  let payment: Payment
  /// Whether nothing can have been sent before by another task, which was lost.
  let isFirst: Bool
  let context: TaskContext

  private var client: TaskClient<PostgresTaskStore> { handler.client }

  /// Has a service do a step, and writes what it says in one commit: the effect's outcome, a line of the history and, if a step before the
  /// payment was refused, the payment's end.
  /// - Returns: whether the payment goes on.
  func perform(_ step: StepName) async throws -> Bool {
    let receipt = try await call(step.rawValue, of: step) { service, request in
      if !isFirst, let found = try await service.find(key: request.key) { return found }
      return try await service.perform(request, key: request.key)
    } reconcile: { found in
      found.map { .happened($0) } ?? .didNotHappen
    }
    return try await context.transaction(step.rawValue, on: client) { transaction in
      guard let payment = try await PaymentStore.lock(payment.id, in: transaction) else { return false }
      try await client.record(receipt, in: transaction)
      if receipt.value.verdict == .passed {
        try await PaymentEventStore.add(.stepPassed, step.rawValue, to: payment.id, isOnce: true, in: transaction)
        return !payment.status.movedNothing
      }
      let reason = receipt.value.reason ?? "no reason given"
      let end = PaymentInput.rejected(step.rejection, reason: reason)
      if step.isBefore, try await PaymentStore.apply(end, to: payment.id, in: transaction)?.event != nil {
        return false
      }
      try await PaymentEventStore.add(step.rejection, reason, to: payment.id, isOnce: true, in: transaction)
      return false
    }
  }

  /// Gives back what a step took, if it took anything.
  func undo(_ step: StepName) async throws {
    let receipt = try await call("\(step.rawValue).undo", of: step) { service, request in
      guard try await service.find(key: request.key)?.verdict == .passed else { return false }
      try await service.undo(key: request.key)
      return true
    } reconcile: { found in
      found == nil ? .happened(true) : .didNotHappen
    }
    try await client.pool.withTransaction { transaction in
      _ = try await PaymentStore.lock(payment.id, in: transaction)
      try await client.record(receipt, in: transaction)
      guard receipt.value else { return }
      try await PaymentEventStore.add(.stepUndone, step.rawValue, to: payment.id, isOnce: true, in: transaction)
    }
  }

  // MARK: The payment

  /// Undoes the payment: has it cancelled, or paid back.
  /// - Throws: ``PaymentUnderWay`` while money may move, or is on its way back; ``RefundImpossible``.
  func takeBack() async throws {
    guard let now = try await PaymentStore.find(payment.id, in: client.pool) else { return }
    if now.status.movedNothing || now.status == .returned { return }
    let isBack = try await client.pool.withTransaction { transaction in
      if now.status == .done {
        guard try await payBack(in: transaction) == nil else { return false }
        return try await RefundStore.list(payment.id, in: transaction).allSatisfy(\.isFinal)
      }
      // Tasks before payments, as everywhere. One too many finds nothing to do.
      let cancel = CancelPayment(paymentId: payment.id)
      try await client.enqueue(cancel, options: cancel.options, in: transaction)
      _ = try await PaymentStore.apply(.cancellationWanted, to: payment.id, in: transaction)
      return false
    }
    guard isBack else { throw PaymentUnderWay() }
  }

  /// Pays back all that is left.
  /// - Returns: nil: that is nothing.
  /// - Throws: ``RefundImpossible`` if the provider can't, or has failed to before: a person has to do it.
  func payBack(in transaction: LibpqTransaction) async throws -> RefundID? {
    let reason = StepName.delivery.rejection.rawValue
    guard let payment = try await PaymentStore.lock(payment.id, in: transaction), payment.status == .done else {
      return nil
    }
    let remaining = try await RefundStore.remaining(of: payment, in: transaction)
    guard remaining > 0 else { return nil }
    let refunds = try await RefundStore.list(payment.id, in: transaction)
    guard try handler.providers.provider(of: payment).capabilities.contains(.refunds),
      !refunds.contains(where: { $0.reason == reason && $0.status == Refund.failed })
    else { throw RefundImpossible() }
    return try await client.refund(remaining, of: payment.id, reason: reason, in: transaction).id
  }

  // MARK: Calling

  private func call<Value: Codable & Sendable>(
    _ name: String,
    of step: StepName,
    _ body: @escaping @Sendable (any StepService, StepRequest) async throws -> Value,
    reconcile: @escaping @Sendable (StepAnswer?) -> EffectInquiry<Value>
  ) async throws -> EffectReceipt<Value> {
    guard let service = handler.services.services[step] else {
      throw StepServiceError(code: .notConfigured, call: step.rawValue)
    }
    let request = StepRequest(step, payment)
    return try await context.effects.call(
      EffectName(name),
      request: request,
      options: EffectOptions(callLimit: handler.services.callLimit)
    ) { _ in
      do { return try await body(service, request) } catch let error as StepServiceError where error.code == .busy {
        throw EffectFailure.temporary("busy", "\(error)")
      }
    } reconcile: { _ in
      reconcile(try await service.find(key: request.key))
    }
  }
}

/// What is to be undone isn't over yet.
struct PaymentUnderWay: TaskOutcomeError {
  var taskOutcome: TaskOutcome? { .again }
}

/// Money has moved, and the provider can't pay it back: nothing before it is given back, and a person has to go on.
struct RefundImpossible: Error, CustomStringConvertible {
  var description: String { "The provider can't pay it back, or has failed to." }
}

extension PaymentStore {
  /// What is around a payment, in order; whatever is configured later.
  static func steps(of id: PaymentID, in database: some LibpqQueryable) async throws -> [StepName] {
    let sql =
      "SELECT name FROM payments.payment, unnest(steps) WITH ORDINALITY AS step (name, place) WHERE id = $1 ORDER BY place"
    return try await database.query(sql, [.id(id)]).rows.map { row in
      guard let step = StepName(rawValue: try row.text(0)) else {
        throw LibpqError(.decoding, "a step of a payment has an unknown name")
      }
      return step
    }
  }
}
