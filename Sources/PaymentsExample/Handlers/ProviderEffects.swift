import TaskQueue

/// Calls to the provider through the ledger of effects: the intent is committed before the call, and an attempt that finds
/// one without an outcome asks the provider before it sends anything again.
struct ProviderEffects: Sendable {
  /// One call and how to find out what became of it.
  struct Call: Sendable {
    typealias Inquiry = EffectInquiry<ProviderRegistration>

    /// Whether another task may have sent it before ours: then the first call asks first, too.
    var asksFirst = false
    /// Whether a repetition moves no money and changes nothing that matters.
    var isHarmless: Bool
    /// With the idempotency key.
    var send: @Sendable (String) async throws -> ProviderRegistration
    /// What the provider's books say.
    var ask: @Sendable () async throws -> Inquiry
  }

  let effects: TaskEffects
  let provider: any PaymentProvider

  /// - Parameter scope: of a call that several tasks may be made for.
  func options(scope: String? = nil) -> EffectOptions {
    EffectOptions(
      callLimit: min(max(provider.callLimit, .milliseconds(1)), .seconds(3600)),
      keyLifetime: provider.keyLifetime,
      scope: scope
    )
  }

  /// - Returns: a receipt to be recorded with what follows from it, in one transaction.
  /// - Throws: `EffectFailure`, permanent if the provider will never do it; everything else is for another attempt. The
  ///   ``ProviderError`` itself if it names a time to come back.
  func call(
    _ name: EffectName,
    request: some Encodable & Sendable,
    _ call: Call
  ) async throws -> EffectReceipt<ProviderRegistration> {
    try await patiently(call) { call in
      try await effects.call(
        name,
        request: request,
        options: options(),
        call: { try await Self.send(call, $0) },
        reconcile: { _ in try await call.ask() }
      )
    }
  }

  /// The same, after its intent was stored together with what leads to it.
  func call(_ prepared: PreparedEffect, _ call: Call) async throws -> EffectReceipt<ProviderRegistration> {
    try await patiently(call) { call in
      try await effects.call(
        prepared,
        call: { try await Self.send(call, $0) },
        reconcile: { _ in try await call.ask() }
      )
    }
  }

  /// The ledger's errors say what became of a call, not when the provider wants to hear of us again.
  private func patiently<Value>(_ call: Call, _ body: (Call) async throws -> Value) async throws -> Value {
    let patience = ProviderPatience()
    do { return try await body(patience.noting(call)) } catch { throw patience.error(insteadOf: error) }
  }

  private static func send(_ call: Call, _ effect: EffectCall) async throws -> ProviderRegistration {
    if call.asksFirst, effect.number == 1 {
      let inquiry: Call.Inquiry
      do { inquiry = try await call.ask() } catch {
        throw EffectFailure.temporary("not_asked", "Nothing was sent: \(error)")
      }
      if let found = try self.found(inquiry) { return found }
    }
    do {
      return try await call.send(effect.key.rawValue)
    } catch let error as ProviderError {
      if error.isRefusal {
        // Perhaps of a repetition, or by something in between: its books decide.
        if error.code == .refused, let found = try await asked(call, after: error) { return found }
        throw EffectFailure.permanent(error.code.rawValue, error.refusal)
      }
      guard call.isHarmless, error.code == .unexpectedStatus else { throw error }
      return try await ask(call, after: error)
    }
  }

  /// It has answered with an error, so the request isn't on its way any more: if its books don't have it, it didn't happen.
  /// Should that be wrong for once, repeating it does no harm. With money at stake, the ledger's wait is kept to.
  private static func ask(_ call: Call, after error: ProviderError) async throws -> ProviderRegistration {
    if let found = try await asked(call, after: error) { return found }
    throw EffectFailure.temporary("http_\(error.httpStatus)", "\(error)")
  }

  /// - Returns: nil: its books don't have it.
  /// - Throws: `error` if they can't be read.
  private static func asked(_ call: Call, after error: ProviderError) async throws -> ProviderRegistration? {
    guard let inquiry = try? await call.ask() else {
      throw error.isRefusal ? EffectFailure.temporary("not_asked", "\(error)") : error
    }
    return try found(inquiry)
  }

  /// - Returns: nil: it did not happen.
  private static func found(_ inquiry: Call.Inquiry) throws -> ProviderRegistration? {
    switch inquiry {
    case .happened(let registration): return registration
    case .didNotHappen: return nil
    case .failed(let failure): throw failure
    case .stillUnknown: throw EffectFailure.temporary("still_unknown", "The provider can't say yet.")
    }
  }
}

/// What the provider registered: a payment or a refund.
struct ProviderRegistration: Codable, Equatable, Sendable {
  var id: String
  /// As of the answer that brought the id; nil: read from our ledger of effects. It isn't stored there, as it changes.
  var status: ProviderStatus?
  /// Why it isn't what was asked for; nil: it is. Only with a status.
  var stopReason: String?
  /// The payment in the provider's books, as of the answer to an `execute`.
  var entry: ProviderPayment?

  private enum CodingKeys: String, CodingKey {
    case id
  }

  init(id: String, status: ProviderStatus? = nil, stopReason: String? = nil, entry: ProviderPayment? = nil) {
    self.id = id
    self.status = status
    self.stopReason = stopReason
    self.entry = entry
  }

  /// What the provider has for this refund, compared with it.
  init(_ entry: ProviderRefund, for refund: Refund) {
    let status = ProviderStatus(rawValue: entry.status)
    self.init(id: entry.id, status: status, stopReason: refund.stopReason(entry))
  }
}
