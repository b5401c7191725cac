#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension TaskContext {
  /// External calls that must not happen twice, remembered in the store.
  ///
  /// ```swift
  /// try handlers.register(Charge.self) { charge, context in
  ///   let receipt = try await context.effects.perform("charge", request: charge) { call in
  ///     try await provider.charge(charge, key: call.key)
  ///   } reconcile: { call in
  ///     try await provider.lookUp(call.key).map { .happened($0) } ?? .didNotHappen
  ///   }
  ///   …
  /// }
  /// ```
  public var effects: TaskEffects { TaskEffects(context: self) }
}

/// The effects of one attempt of one task.
public struct TaskEffects: Sendable {
  let context: TaskContext

  var configuration: EffectsConfiguration { context.services.effects }
  /// The task's own policy goes first.
  var retry: RetryPolicy { context.task.retry.map { RetryPolicy($0) } ?? context.services.retry }

  /// Makes a call once per task and name, whatever happens in between, and returns its value in every attempt.
  ///
  /// The intent is committed before the call and the outcome after it: two commits, two round trips, besides the claim and the
  /// completion. If it is recorded already: one round trip and no call. If an earlier call has no known outcome, `reconcile` is asked
  /// first, and only "did not happen" lets the call run again, with the same key. Without `reconcile` a person has to
  /// resolve it: the task becomes a dead letter.
  ///
  /// Both closures may run in any attempt, at most once each, and are cancelled with the handler. A call that succeeds although it
  /// was cancelled is recorded all the same.
  ///
  /// - Parameters:
  ///   - name: one per call of the task.
  ///   - request: what the call depends on. Its JSON (keys sorted) is digested, not stored; later attempts must bring the same: no
  ///     dates of today, no sets, no random ids.
  ///   - body: makes the call with ``EffectCall/key``. Throws ``EffectFailure`` if the call certainly did not happen; any other
  ///     error leaves the outcome unknown. Its value is stored as JSON, at most ``Limits/effectValueBytes``: no card numbers.
  ///   - reconcile: looks the call up by its key or by a reference of yours. Sends nothing that could happen twice.
  /// - Throws: ``EffectFailure`` (this or an earlier attempt's), ``EffectError``, ``TaskQueueError`` with `leaseLost` (nothing
  ///   was sent), `storeFailed`, `invalidName`, `invalidOption`.
  public func perform<Request: Encodable, Value: Codable & Sendable>(
    _ name: EffectName,
    request: Request,
    options: EffectOptions = .init(),
    call body: @escaping @Sendable (EffectCall) async throws -> Value,
    reconcile: (@Sendable (EffectCall) async throws -> EffectInquiry<Value>)? = nil
  ) async throws -> Value {
    let receipt = try await call(name, request: request, options: options, call: body, reconcile: reconcile)
    guard let outcome = receipt.unrecorded else { return receipt.value }
    let attempt = try EffectAttempt(self, options: options, call: body, reconcile: nil)
    return try await attempt.record(outcome, of: receipt)
  }

  /// As ``perform(_:request:options:call:reconcile:)``, but a success is left for the handler's own transaction to record, with its
  /// business rows and the completion (``TaskClient/record(_:in:)``).
  ///
  /// One commit less: the intent's only. If the worker dies before that transaction commits, the next attempt has to ask.
  public func call<Request: Encodable, Value: Codable & Sendable>(
    _ name: EffectName,
    request: Request,
    options: EffectOptions = .init(),
    call body: @escaping @Sendable (EffectCall) async throws -> Value,
    reconcile: (@Sendable (EffectCall) async throws -> EffectInquiry<Value>)? = nil
  ) async throws -> EffectReceipt<Value> {
    try await refuseNewCall(name)
    let intent = try intent(name, request: request, options)
    let attempt = try EffectAttempt(self, options: options, call: body, reconcile: reconcile)
    return try await attempt.run(intent)
  }

  /// Makes the call whose intent was committed by a transaction of the handler's own (``prepare(_:request:options:in:of:)``).
  ///
  /// As ``call(_:request:options:call:reconcile:)``, without a commit for the intent.
  public func call<Value: Codable & Sendable>(
    _ prepared: PreparedEffect,
    call body: @escaping @Sendable (EffectCall) async throws -> Value,
    reconcile: (@Sendable (EffectCall) async throws -> EffectInquiry<Value>)? = nil
  ) async throws -> EffectReceipt<Value> {
    let attempt = try EffectAttempt(self, options: prepared.options, call: body, reconcile: reconcile)
    return try await attempt.run(prepared.intent, prepared)
  }

  /// A flow that is being undone makes no call that it has not made before.
  func refuseNewCall(_ name: EffectName) async throws {
    let (mark, isSuspended) = context.flow.withJournal { ($0.mark, $0.isSuspended) }
    guard mark != nil, !FlowState.isInStep else { return }
    if !isSuspended, let ledger = context.services.ledger {
      let record = try await ledger.effects(of: context.id).first { $0.name == name }
      if let record, ![.open, .failed].contains(record.state) { return }
    }
    let caller = context.flow.caller
    context.flow.withJournal { $0.suspend(nil, by: caller) }
    throw FlowSuspension()
  }

  func intent(_ name: EffectName, request: some Encodable, _ options: EffectOptions) throws -> EffectIntent {
    try name.validate()
    try options.validate()
    return EffectIntent(
      claim: context.task.claim,
      name: name,
      requestDigest: try Self.digest(request, name),
      callLimit: options.callLimit,
      keyLifetime: options.keyLifetime,
      scope: options.scope
    )
  }

  private static func digest(_ request: some Encodable, _ name: EffectName) throws(EffectError) -> Data {
    do { return Data(SHA256.hash(Array(try PayloadEncoder.canonical.encode(request)))) } catch {
      let cause = UnencodableValue.describing(error)
      throw EffectError(.encodingFailed, name, "The request could not be encoded as JSON.", underlying: cause)
    }
  }
}
