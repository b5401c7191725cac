/// The intent of a call, stored in a transaction of the app's own; made by ``TaskEffects/prepare(_:request:options:in:of:)``.
///
/// It is for the attempt that prepared it, and only once its transaction is committed.
public struct PreparedEffect: Sendable {
  let intent: EffectIntent
  let options: EffectOptions
  let decision: EffectDecision
  /// Since the store was asked.
  let elapsed: @Sendable () -> Duration

  /// The key that its call is, or was, sent with.
  public var key: IdempotencyKey {
    switch decision {
    case .call(let call), .ask(let call, _), .recorded(_, let call), .busy(let call), .requestChanged(let call):
      call.key
    case .leaseLost: preconditionFailure("it is thrown instead")
    }
  }

  /// Whether its outcome was recorded before: nothing is left to be called.
  public var isSettled: Bool {
    if case .recorded = decision { true } else { false }
  }
}

extension TaskEffects {
  /// Stores the intent of an external call in the app's transaction, with what leads to it. When that is committed,
  /// ``call(_:call:reconcile:)`` makes the call, with no commit of its own.
  ///
  /// One round trip; locks the task's row until the transaction ends. Prepare before you touch rows of your own, as everybody locks in that
  /// order.
  ///
  /// - Throws: `leaseLost` if the claim no longer holds the task, and ``EffectError`` with `requestChanged`: let either leave the transaction's
  ///   body, so that it is rolled back. `invalidName`, `invalidOption`, `storeFailed`.
  public func prepare<Request: Encodable, Store: TransactionalTaskStore>(
    _ name: EffectName,
    request: Request,
    options: EffectOptions = .init(),
    in transaction: Store.Transaction,
    of store: Store
  ) async throws -> PreparedEffect {
    try await refuseNewCall(name)
    let intent = try intent(name, request: request, options)
    let elapsed = stopwatch(on: configuration.clock)
    let decision = try await store.beginEffect(intent, in: transaction)
    switch decision {
    case .leaseLost: throw TaskQueueError.effectLeaseLost(intent.claim)
    case .requestChanged(let call): throw EffectError.requestChanged(call)
    case .call, .ask, .recorded, .busy:
      return PreparedEffect(intent: intent, options: options, decision: decision, elapsed: elapsed)
    }
  }

  /// Records what is known of a call without making it, in the app's transaction: what the provider's books say, for example. Nothing to do if
  /// it is settled.
  ///
  /// One round trip. "Did not happen" is not recorded while an earlier attempt's call may still be on its way.
  ///
  /// - Throws: `storeFailed`.
  public func settle<Value: Encodable, Store: TransactionalTaskStore>(
    _ prepared: PreparedEffect,
    as inquiry: EffectInquiry<Value>,
    in transaction: Store.Transaction,
    of store: Store
  ) async throws(TaskQueueError) {
    let (call, endsIn): (EffectCall, Duration)
    switch prepared.decision {
    case .call(let new): (call, endsIn) = (new, .zero)
    case .ask(let earlier, let callEndsIn): (call, endsIn) = (earlier, callEndsIn)
    case .recorded, .busy, .requestChanged, .leaseLost: return
    }
    let outcome: EffectOutcome
    switch inquiry {
    case .happened(let value): outcome = .succeeded(encoding: value)
    case .failed(let failure): outcome = .failed(failure)
    case .didNotHappen where endsIn <= .zero:
      outcome = .failed(.temporary("did_not_happen", "The provider does not have it."))
    case .didNotHappen, .stillUnknown: return
    }
    try await store.endEffect(call, outcome, in: transaction)
  }
}

func stopwatch(on clock: some Clock<Duration>) -> @Sendable () -> Duration {
  let start = clock.now
  return { start.duration(to: clock.now) }
}
