/// Makes external calls that must not happen twice, and remembers them in a ledger.
///
/// ```swift
/// try handlers.register(Charge.self, effects: Effects(ledger: store)) { charge, context, effects in
///   let receipt = try await effects.perform("charge", request: charge) { call in
///     try await provider.charge(charge, key: call.key)
///   } reconcile: { call in
///     try await provider.lookUp(call.key).map { .happened($0) } ?? .didNotHappen
///   }
///   …
/// }
/// ```
public struct Effects: Sendable {
  public let ledger: any EffectLedger
  let clock: any Clock<Duration>
  let onWarning: @Sendable (EffectWarning) -> Void

  /// - Parameters:
  ///   - clock: measures call limits. It must go on while the process stands still.
  ///   - onWarning: is told what ``EffectWarning/Code`` lists; it is logged too. Must be short.
  public init(
    ledger: any EffectLedger,
    clock: any Clock<Duration> = ContinuousClock(),
    onWarning: @escaping @Sendable (EffectWarning) -> Void = { _ in }
  ) {
    self.ledger = ledger
    self.clock = clock
    self.onWarning = onWarning
  }

  /// The effects of one attempt, for handlers that are not registered by ``TaskHandlers/register(_:effects:options:_:)``.
  ///
  /// - Parameter retry: the handler's policy, for ``EffectWarning/Code/keyEndsBeforeNextRetry``. The task's own goes first.
  public func bound(to context: TaskContext, retry: RetryPolicy = .standard) -> TaskEffects {
    TaskEffects(effects: self, context: context, retry: context.task.retry.map { RetryPolicy($0) } ?? retry)
  }
}

extension TaskHandlers {
  /// Registers a handler that makes external calls through a ledger. Errors that are a ``TaskOutcomeError`` settle the task as
  /// they say: a parked effect and a permanent failure make it a dead letter.
  ///
  /// - Throws: as ``register(_:options:_:)``.
  public mutating func register<Payload: TaskPayload>(
    _ payloadType: Payload.Type,
    effects: Effects,
    options: TaskHandlerOptions = .init(),
    _ handle: @escaping @Sendable (Payload, TaskContext, TaskEffects) async throws -> TaskOutcome
  ) throws(TaskQueueError) {
    try register(payloadType, options: options) { payload, context in
      do {
        return try await handle(payload, context, effects.bound(to: context, retry: options.retry))
      } catch let error as any TaskOutcomeError {
        guard let outcome = error.taskOutcome else { throw error }
        return outcome
      }
    }
  }
}
