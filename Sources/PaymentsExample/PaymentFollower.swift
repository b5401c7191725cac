import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// What follows from what the provider's books say about a payment.
///
/// Acts on the answer alone: INIT → have it executed; DONE or CANCELLED → final; given up by the provider → dropped there, and FAILED;
/// anything else → recorded, and looked at again. Each answer is compared with what was asked for before it is believed. If it differs,
/// the payment is stopped for a person: nothing is executed, nothing cancelled.
///
/// Everything that is learnt is written together with what follows from it: the intent of `execute` with the registration that it is for, its
/// outcome with the payment's end and the task's. `execute` is only ever sent for the one stored id, and repeating it changes nothing: a
/// lost answer is no harm. The ledger of effects shows what was sent and what became of it.
struct PaymentFollower: Sendable {
  typealias Receipt = EffectReceipt<ProviderRegistration>

  /// A provider that said yes and still has the payment in INIT is told again, so many times in all. Then the alarm goes off.
  static let maxRounds = 5

  let client: TaskClient<PostgresTaskStore>
  let provider: any PaymentProvider
  let context: TaskContext
  /// As it was read or written last. If it is another by now, nothing is written, and the attempt begins anew.
  var payment: Payment
  /// What was learnt before, to be written with what follows from it.
  var news: [PaymentInput] = []
  /// Before the check task's first look, if this is not that task; nil: it is.
  var firstLook: Duration?
  /// How long a word that the contract doesn't know is waited on.
  var unknownWithin = UpkeepSettings().finalWithin

  private var effects: ProviderEffects { ProviderEffects(effects: context.effects, provider: provider) }

  /// - Parameter receipt: of the call that the entry is the answer to.
  func act(on entry: ProviderPayment, _ receipt: Receipt? = nil) async throws -> TaskOutcome {
    if let reason = payment.stopReason(entry) { return try await stop(entry, reason, receipt) }
    if let failure = entry.failure { return try await fail(entry, failure) }
    let said = PaymentInput.reported(entry.status)
    if entry.status.isFinal { return try await conclude([said], receipt, settling: receipt == nil ? entry : nil) }
    if receipt == nil, case .execute(let id)? = due(after: [said]).last { return try await execute(id, news + [said]) }
    let unknown = UnknownStatus(status: PaymentStatus(entry.status))
    guard firstLook == nil, !unknown.status.isKnown else {
      return try await lookAgain([said], receipt, settling: entry)
    }
    // A cancellation that was asked for is followed to its end.
    if payment.cancellationRequestedAt == nil,
      let since = try await PaymentEventStore.unknownSince(payment.id, in: client.pool),
      Date().timeIntervalSince(since) >= unknownWithin / .seconds(1)
    {
      return try await conclude([said, .stopped(reason: unknown.stopReason(since: since))], receipt, settling: entry)
    }
    _ = try await lookAgain([said], receipt, settling: entry)
    throw unknown
  }

  private func due(after inputs: [PaymentInput]) -> [PaymentTransition.Command] {
    payment.state.commands(after: news + inputs + [.executionDue(round: 1)])
  }

  // MARK: Executing

  private func execute(_ id: String, _ inputs: [PaymentInput]) async throws -> TaskOutcome {
    let begun: (effect: PreparedEffect, payment: Payment)? = try await write { transaction in
      try await takeCallbacks(in: transaction)
      let effect = try await prepare(id, in: transaction)
      let round = effect.isSettled ? payment.executionRounds + 1 : max(1, payment.executionRounds)
      guard round <= Self.maxRounds else { return nil }
      let due = inputs + [.executionDue(round: round)]
      return (effect, try await PaymentStore.apply(due, to: payment, in: transaction))
    }
    guard let begun else {
      context.logger.warning("the provider doesn't execute what it accepted", metadata: ["payment": "\(payment.id)"])
      return try await lookAgain([])
    }
    var next = self
    (next.payment, next.news) = (begun.payment, [])
    do {
      guard !begun.effect.isSettled else {
        // It said yes: the same call once more, under the same key, changes nothing if the books are only late.
        _ = try await provider.execute(id: id, idempotencyKey: begun.effect.key.rawValue)
        return try await next.lookAgain([])
      }
      let receipt = try await effects.call(begun.effect, next.executing(id))
      guard let entry = receipt.value.entry else { return try await next.lookAgain([], receipt) }
      return try await next.act(on: entry, receipt)
    } catch let failure as EffectFailure where failure.kind == .permanent {
      return try await next.refused(id, failure.message)
    } catch let error as ProviderError where error.isRefusal {
      return try await next.refused(id, error.refusal)
    }
  }

  /// It may have been begun by an earlier call: then it goes on.
  private func refused(_ id: String, _ reason: String) async throws -> TaskOutcome {
    var entry = try await provider.payment(id: id)
    if entry.status == .initial, entry.failure == nil { entry.failure = reason }
    return try await act(on: entry)
  }

  /// All tasks of the payment share the effect, and its key: whoever comes later finds what became of it.
  private func prepare(_ id: String, in transaction: LibpqTransaction) async throws -> PreparedEffect {
    try await context.effects.prepare(
      "execute",
      request: id,
      options: effects.options(scope: payment.reference),
      in: transaction,
      of: client.store
    )
  }

  private func executing(_ id: String) -> ProviderEffects.Call {
    .init(
      isHarmless: true,
      send: { key in
        let entry = try await provider.execute(id: id, idempotencyKey: key)
        if let entry, case .failed(let failure) = Self.outcome(entry) { throw failure }
        return ProviderRegistration(id: id, entry: entry)
      },
      ask: {
        let entry = try await provider.payment(id: id)
        // Nothing is sent then, and the next look stops the payment.
        if let reason = payment.stopReason(entry) { throw EffectFailure.temporary("different", reason) }
        return Self.outcome(entry)
      }
    )
  }

  /// What the provider's books say of `execute`.
  private static func outcome(_ entry: ProviderPayment) -> EffectInquiry<ProviderRegistration> {
    if let failure = entry.failure { return .failed(.permanent("declined", failure)) }
    if PaymentStatus(entry.status).movedNothing {
      return .failed(.permanent("cancelled", "The payment is \(entry.status.rawValue)."))
    }
    return entry.isBegun ? .happened(ProviderRegistration(id: entry.id, entry: entry)) : .didNotHappen
  }

  // MARK: Writing

  /// Committed together with what other payments write at the moment.
  private func write<Value: Sendable>(
    _ body: @escaping @Sendable (LibpqTransaction) async throws -> Value
  ) async throws -> Value {
    try await client.withGroupedTransaction(order: payment.reference, body)
  }

  /// Records an end of the payment, or that a person has to look, together with the end of its task.
  ///
  /// - Parameters:
  ///   - receipt: of a call that was made for it.
  ///   - entry: says what became of an `execute` without an answer.
  func conclude(
    _ inputs: [PaymentInput],
    _ receipt: Receipt? = nil,
    settling entry: ProviderPayment? = nil
  ) async throws -> TaskOutcome {
    let written = try await write { transaction in
      try await takeCallbacks(in: transaction)
      if let entry { try await settle(entry, in: transaction) }
      try await client.completeAhead(context, in: transaction)
      if let receipt { try await client.record(receipt, in: transaction) }
      return try await PaymentStore.apply(news + inputs, to: payment, in: transaction)
    }
    written.logStop(since: payment, context.logger)
    return .settledInTransaction
  }

  /// Records what is known by now, and has it looked at again: by this task, or by the check task that takes over from it.
  private func lookAgain(
    _ inputs: [PaymentInput],
    _ receipt: Receipt? = nil,
    settling entry: ProviderPayment? = nil
  ) async throws -> TaskOutcome {
    let isChanged = payment.state.after(news + inputs) != payment.state
    let isCancelDue = due(after: inputs).contains { if case .cancel = $0 { true } else { false } }
    guard firstLook != nil || isChanged || receipt != nil || isCancelDue else { return .again }
    let written = try await write { transaction in
      try await takeCallbacks(in: transaction)
      if isChanged, receipt == nil, let entry, entry.isBegun { try await settle(entry, in: transaction) }
      // Tasks before payments, as everywhere.
      if let firstLook {
        try await client.completeAhead(context, in: transaction)
        let check = CheckPayment(paymentId: payment.id)
        var options = check.options
        options.schedule = .after(firstLook)
        try await client.enqueue(check, options: options, in: transaction)
      }
      if isCancelDue {
        // Its task is alive as a rule; this one is coalesced with it.
        let cancel = CancelPayment(paymentId: payment.id)
        try await client.enqueue(cancel, options: cancel.options, in: transaction)
      }
      if let receipt { try await client.record(receipt, in: transaction) }
      return try await PaymentStore.apply(news + inputs, to: payment, in: transaction)
    }
    written.logStop(since: payment, context.logger)
    return firstLook == nil ? .again : .settledInTransaction
  }

  /// What was remembered for an id that is about to be stored means that it is worth a look, which follows anyway. From here on callbacks
  /// wait for this transaction, and then find the payment.
  private func takeCallbacks(in transaction: LibpqTransaction) async throws {
    guard case .registered(let id, _)? = news.first else { return }
    _ = try await CallbackInbox(store: client.store).claimEvents(
      source: payment.provider,
      subject: CallbackHandler.name(id),
      in: transaction
    )
  }

  /// Records what became of an `execute` without an answer, if there is one.
  func settle(_ entry: ProviderPayment) async throws {
    guard payment.executionRounds > 0 else { return }
    try await write { try await settle(entry, in: $0) }
  }

  private func settle(_ entry: ProviderPayment, in transaction: LibpqTransaction) async throws {
    guard payment.executionRounds > 0, let id = payment.providerId else { return }
    let effect = try await prepare(id, in: transaction)
    try await context.effects.settle(effect, as: Self.outcome(entry), in: transaction, of: client.store)
  }

  // MARK: Other ends

  private func stop(_ entry: ProviderPayment, _ reason: String, _ receipt: Receipt?) async throws -> TaskOutcome {
    guard payment.cancellationRequestedAt != nil else { return try await conclude([.stopped(reason: reason)], receipt) }
    // Of an entry that differs we only believe that it is dropped, as a person wanted, and only if it is ours.
    if entry.reference == payment.reference, entry.status == .cancelled {
      return try await conclude([.reported(.cancelled)], receipt)
    }
    return try await lookAgain([.stopped(reason: reason)], receipt)
  }

  /// FAILED is only written once the payment is cancelled in the provider's books, if it can be: nobody can make it move money
  /// later.
  private func fail(_ entry: ProviderPayment, _ reason: String) async throws -> TaskOutcome {
    var receipt: Receipt?
    do {
      if entry.status != .cancelled { receipt = try await drop(entry.id) }
    } catch let failure as EffectFailure {
      // Still held by the provider, which may have gone on with it: its books decide.
      guard failure.code == ProviderError.Code.unsupported.rawValue else { return try await lookAgain([]) }
    }
    return try await conclude([.declined(reason: reason)], receipt, settling: entry)
  }

  /// Not the effect of a person's cancellation: the provider may have refused that, and would say so again.
  private func drop(_ id: String) async throws -> Receipt {
    let dropped = ProviderRegistration(id: id, status: .cancelled)
    return try await effects.call(
      "drop",
      request: id,
      .init(
        isHarmless: true,
        send: { key in
          do {
            if try await provider.cancel(id: id, idempotencyKey: key).status == .cancelled { return dropped }
          } catch let error as ProviderError where error.code == .refused {
            // Not for good: it may be given up again.
          }
          throw EffectFailure.temporary("not_dropped", "The provider goes on with it.")
        },
        ask: { try await provider.payment(id: id).status == .cancelled ? .happened(dropped) : .didNotHappen }
      )
    )
  }
}
