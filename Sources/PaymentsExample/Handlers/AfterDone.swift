import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Looks once more at a payment that is final: what the provider has returned, refunded by itself or had to give back, a dispute, a
/// refund that failed after it was done.
///
/// Each is written once, whatever is repeated and in whatever order the provider tells it: what counts is what its books say now.
struct AfterDone: Sendable {
  let client: TaskClient<PostgresTaskStore>
  let provider: any PaymentProvider

  /// Whether a callback names something that may happen to a payment that is final, and isn't known yet.
  static func isNews(_ status: ProviderStatus, of payment: Payment) -> Bool {
    if payment.status.movedNothing { return movedMoney(status) }
    let isOld = status == .initial || status == .processing || PaymentStatus(status) == payment.status
    return mayChange(payment) && !isOld
  }

  static func movedMoney(_ status: ProviderStatus) -> Bool { status == .done || status == .returned }

  private static func mayChange(_ payment: Payment) -> Bool {
    payment.status == .done || payment.status == .returned
  }

  /// Writes what the provider has and we lack, together with the end of the task.
  func follow(_ payment: Payment, _ context: TaskContext) async throws -> TaskOutcome {
    guard let id = payment.providerId else { return .completed }
    let entry: ProviderPayment
    do { entry = try await provider.payment(id: id) } catch let error as ProviderError
      where error.code == .unknownPayment
    {
      return .completed
    }
    guard Self.mayChange(payment) else { return try await contradict(payment, entry, context) }
    if let reason = payment.stopReason(entry) {
      context.logger.error("a final payment differs", metadata: ["payment": "\(payment.id)", "reason": "\(reason)"])
      return .completed
    }
    let theirs = possible(try await provider.takenBack(paymentId: id) ?? [], of: payment, context)
    let asked = try await changes(of: payment, theirs, in: client.pool).compactMap { change in
      if case .ask(let refund) = change { RefundPayment(refundId: refund) } else { nil }
    }
    try await client.withCompletion(of: context) { transaction in
      // Tasks before payments, as everywhere.
      for task in asked { try await client.enqueue(task, options: task.options, in: transaction) }
      let transition = try await PaymentStore.apply(.reported(entry.status), to: payment.id, in: transaction)
      if transition?.event != nil { log(payment, entry.status.rawValue, context) }
      for change in try await changes(of: payment, theirs, in: transaction) {
        guard let entry = try await write(change, of: payment, in: transaction) else { continue }
        log(payment, "\(entry.origin == .dispute ? "dispute" : "refund") \(entry.id) \(entry.state)", context)
      }
    }
    return .settledInTransaction
  }

  /// It ended here without money moved. What the provider says now is for a person; until then its order gets no other payment.
  private func contradict(
    _ payment: Payment,
    _ entry: ProviderPayment,
    _ context: TaskContext
  ) async throws -> TaskOutcome {
    guard Self.movedMoney(entry.status) else { return .completed }
    let reason = "It is \(payment.status) here, and \(entry.status.rawValue) there: money moved."
    let isNew = try await client.withCompletion(of: context) { transaction in
      _ = try await PaymentStore.lock(payment.id, in: transaction)
      return try await PaymentStore.contradict(payment.id, reason, in: transaction)
    }
    if isNew {
      context.logger.error(
        "money moved for a payment that has ended: a person has to look",
        metadata: ["payment": "\(payment.id)", "reason": "\(reason)"]
      )
    }
    return .settledInTransaction
  }

  /// Each entry once, and none of an amount that no payment of ours can have taken back; the comparison of books lists those.
  private func possible(
    _ theirs: [ProviderRefund],
    of payment: Payment,
    _ context: TaskContext
  ) -> [ProviderRefund] {
    var seen: Set<String> = []
    return theirs.filter { entry in
      guard (1...payment.amount).contains(entry.amount), ProviderText.isId(entry.id) else {
        let id = ProviderText.plain(entry.id)
        context.logger.error(
          "the provider takes back what was never paid: a person has to look",
          metadata: ["payment": "\(payment.id)", "entry": "\(id)", "amount": "\(entry.amount)"]
        )
        return false
      }
      return seen.insert("\(entry.origin) \(entry.id)").inserted
    }
  }

  private func log(_ payment: Payment, _ change: String, _ context: TaskContext) {
    context.logger.notice(
      "the provider changed a payment that was final",
      metadata: ["payment": "\(payment.id)", "change": "\(change)"]
    )
  }

  private func changes(
    of payment: Payment,
    _ theirs: [ProviderRefund],
    in database: some LibpqQueryable
  ) async throws -> [PaymentRefunds.Change] {
    PaymentRefunds(
      payment: payment,
      providerId: payment.providerId,
      currency: payment.currency,
      ours: try await RefundStore.list(payment.id, in: database),
      theirs: theirs
    ).changes
  }

  /// - Returns: nil: nothing was to be written.
  private func write(
    _ change: PaymentRefunds.Change,
    of payment: Payment,
    in transaction: LibpqTransaction
  ) async throws -> ProviderRefund? {
    let (id, entry): (RefundID, ProviderRefund)
    switch change {
    case .ask: return nil
    case .adopt(let found): (id, entry) = (try await RefundStore.adopt(found, of: payment.id, in: transaction), found)
    case .change(let refund, to: let found):
      (id, entry) = (refund.id, found)
      try await RefundStore.change(id, to: found, in: transaction)
    }
    try await PaymentEventStore.add(
      PaymentEvent.kind(ofRefund: entry.state),
      "\(id), \(entry.amount) minor units, the provider's \(entry.id)",
      to: payment.id,
      by: PaymentActor.provider,
      in: transaction
    )
    return entry
  }
}
