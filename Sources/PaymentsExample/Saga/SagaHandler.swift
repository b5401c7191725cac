import Libpq
import TaskQueue
import TaskQueuePostgres

/// Take the steps around a payment as far as they go now. Enqueued with a payment that has steps before it, and by the database
/// whenever such a payment, or its refund, becomes final (`P0004_saga.sql`).
struct RunSaga: TaskPayload {
  static let taskType: TaskType = "payment.saga"

  var paymentId: PaymentID

  /// One per payment at most, so forwards and backwards never meet.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.saga:\(paymentId)", mode: .coalesce) }
  }
}

/// Takes the steps around a payment, one after another, as ``Saga`` says.
///
/// Each call of a service is an effect in the library's ledger: begun in a commit before it, ended in the one that ends the
/// step, looked up at the service if nobody knows how it ended. The ledger knows the calls of one task; the steps' rows know
/// what several tasks of a payment have done, forwards and backwards, and what none may forget if one of them is lost.
///
/// The transactions here lock the payment and then its steps, and don't complete the task: completing it first would turn the
/// order of locks around (see `P0004_saga.sql`). They need no fence: what a service has said stays true, and each row changes
/// once.
struct SagaHandler: PaymentTaskHandler {
  /// More than the steps forwards and backwards, each once.
  static let maxActions = 20

  let client: TaskClient<PostgresTaskStore>
  let services: StepServices
  let providers: PaymentProviders

  static func payment(of payload: RunSaga) -> PaymentID? { payload.paymentId }

  func handle(_ payload: RunSaga, context: TaskContext) async throws -> TaskOutcome {
    guard let payment = try await PaymentStore.find(payload.paymentId, in: client.pool) else {
      return .discard(reason: "There is no payment \(payload.paymentId).")
    }
    for _ in 1...Self.maxActions {
      switch try await StepStore.saga(payment.id, in: client.pool)?.next {
      case .perform(let step)?: try await perform(step, payment, context.effects)
      case .undo(let step)?: try await undo(step, payment, context.effects)
      case .refund(let step)?:
        if let outcome = try await requestRefund(step, payment) { return outcome }
      case .begin?:
        try await begin(payment, context)
        return .settledInTransaction
      case .wait?: return .again
      case .park(let reason)?: return .discard(reason: reason)
      case .rest?, nil: return .completed
      }
    }
    return .again
  }

  /// One commit, fenced: the provider hears of a payment only after the steps before it, and once.
  private func begin(_ payment: Payment, _ context: TaskContext) async throws {
    let first = InitPayment(paymentId: payment.id, isFirst: true)
    try await client.withCompletion(of: context) { transaction in
      _ = try await client.enqueue(first, options: first.options, in: transaction)
    }
  }

  private func perform(_ step: StepName, _ payment: Payment, _ effects: TaskEffects) async throws {
    let service = try self.service(step)
    let request = StepRequest(step, payment)
    let isFirst = try await StepStore.start(step, of: payment.id, in: client.pool)
    let receipt: EffectReceipt<StepAnswer> = try await effects.call(
      EffectName(step.rawValue),
      request: request,
      options: EffectOptions(callLimit: services.callLimit)
    ) { _ in
      // Perhaps by a task before this one, which was lost.
      if !isFirst, let found = try await service.find(key: request.key) { return found }
      do { return try await service.perform(request, key: request.key) } catch let error as StepServiceError
        where error.code == .busy
      { throw EffectFailure.temporary("busy", "\(error)") }
    } reconcile: { _ in
      try await service.find(key: request.key).map { .happened($0) } ?? .didNotHappen
    }
    try await record(receipt, of: step, payment)
  }

  /// The effect's outcome, the step's end, its line in the history and, if it was rejected, the payment's end: one commit.
  private func record(_ receipt: EffectReceipt<StepAnswer>, of step: StepName, _ payment: Payment) async throws {
    let answer = receipt.value
    try await client.pool.withTransaction { transaction in
      _ = try await PaymentStore.lock(payment.id, in: transaction)
      try await client.record(receipt, in: transaction)
      let state = answer.verdict == .passed ? SagaStep.State.passed : .rejected
      let isFirst = try await StepStore.change(
        step,
        of: payment.id,
        from: .started,
        to: state,
        reason: answer.reason,
        in: transaction
      )
      guard isFirst else { return }
      let kind = answer.verdict == .passed ? PaymentEvent.Kind.stepPassed : step.rejection
      let reason = answer.reason ?? "no reason given"
      if answer.verdict == .rejected, step.isBefore {
        let input = PaymentInput.rejected(kind, reason: reason)
        if try await PaymentStore.apply(input, to: payment.id, in: transaction)?.event != nil { return }
      }
      let detail = answer.verdict == .passed ? step.rawValue : reason
      try await PaymentEventStore.add(kind, detail, to: payment.id, in: transaction)
    }
  }

  private func undo(_ step: StepName, _ payment: Payment, _ effects: TaskEffects) async throws {
    let service = try self.service(step)
    let request = StepRequest(step, payment)
    let receipt: EffectReceipt<StepAnswer> = try await effects.call(
      EffectName("\(step.rawValue).undo"),
      request: request,
      options: EffectOptions(callLimit: services.callLimit)
    ) { _ in
      try await service.undo(key: request.key)
      return .passed
    } reconcile: { _ in
      try await service.find(key: request.key) == nil ? .happened(.passed) : .didNotHappen
    }
    try await client.pool.withTransaction { transaction in
      _ = try await PaymentStore.lock(payment.id, in: transaction)
      try await client.record(receipt, in: transaction)
      guard try await StepStore.change(step, of: payment.id, from: .passed, to: .undone, in: transaction) else {
        return
      }
      try await PaymentEventStore.add(.stepUndone, step.rawValue, to: payment.id, in: transaction)
    }
  }

  /// Pays back all that is left, once: the refund and that this step asked for it are one commit.
  /// - Returns: nil: go on.
  private func requestRefund(_ step: StepName, _ payment: Payment) async throws -> TaskOutcome? {
    guard try providers.provider(of: payment).capabilities.contains(.refunds) else {
      return .discard(reason: "Step \(step.rawValue) was rejected, and the provider can't refund.")
    }
    return try await client.pool.withTransaction { transaction in
      guard let locked = try await PaymentStore.lock(payment.id, in: transaction) else { return .completed }
      let saga = try await StepStore.saga(payment.id, in: transaction)
      guard saga?.next == .refund(because: step) else { return nil }
      let remaining = try await RefundStore.remaining(of: locked, in: transaction)
      guard remaining > 0 else {
        return .discard(reason: "Step \(step.rawValue) was rejected, and somebody else refunds the payment.")
      }
      let refund = try await RefundStore.insert(
        paymentId: payment.id,
        amount: remaining,
        reason: step.rejection.rawValue,
        in: transaction
      )
      try await StepStore.setRefund(refund.id, of: step, payment.id, in: transaction)
      let detail = "\(refund.reference), \(refund.amount) minor units"
      try await PaymentEventStore.add(.refundRequested, detail, to: payment.id, in: transaction)
      let task = RefundPayment(refundId: refund.id)
      _ = try await client.enqueue(task, options: task.options, in: transaction)
      return nil
    }
  }

  private func service(_ step: StepName) throws -> any StepService {
    guard let service = services.services[step] else {
      throw StepServiceError(code: .notConfigured, call: step.rawValue)
    }
    return service
  }
}
