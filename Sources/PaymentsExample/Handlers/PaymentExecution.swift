import Logging
import TaskQueue

/// Has the provider move a payment's money, through the ledger of effects.
///
/// `execute` is only ever sent for the one stored id, and repeating it changes nothing: a lost answer is no harm. The ledger
/// shows what was sent and what became of it.
struct PaymentExecution: Sendable {
  /// A provider that said yes and still has the payment in INIT is told again, so many times in all. Then the alarm goes off.
  static let maxRounds = 5

  let payment: Payment
  let providerId: String
  /// The effects of this task before this attempt.
  let earlier: [EffectRecord]
  let effects: ProviderEffects

  /// One per round.
  private var rounds: [EffectRecord] {
    earlier.filter { $0.name.rawValue.hasPrefix(Self.name(round: 1).rawValue) }
  }

  /// The round without a known outcome.
  private var open: EffectRecord? {
    rounds.first { $0.state != .succeeded && $0.state != .failed }
  }

  static func name(round: Int) -> EffectName {
    round == 1 ? "execute" : EffectName("execute.\(round)")
  }

  /// The provider has the payment in INIT: tells it to execute.
  /// - Returns: if it won't, the payment as its books have it, with the reason in ``ProviderPayment/failure``. It may have been
  ///   begun by an earlier call: then it goes on.
  func execute(_ logger: Logger) async throws -> ProviderPayment? {
    let round = open == nil ? rounds.count + 1 : rounds.count
    guard round <= Self.maxRounds else {
      logger.warning("the provider doesn't execute what it accepted", metadata: ["payment": "\(payment.id)"])
      return nil
    }
    do {
      try await effects.perform(Self.name(round: round), request: providerId, call(seen: nil))
      return nil
    } catch let failure as EffectFailure where failure.kind == .permanent {
      var entry = try await effects.provider.payment(id: providerId)
      if entry.status == .initial, entry.failure == nil { entry.failure = failure.message }
      return entry
    }
  }

  /// The provider's books say what became of a call without an answer.
  func settle(_ entry: ProviderPayment) async throws {
    guard let open = self.open else { return }
    do {
      try await effects.perform(open.name, request: providerId, call(seen: entry))
    } catch let failure as EffectFailure where failure.kind == .permanent {
      // That it didn't happen is what was to be recorded.
    }
  }

  /// - Parameter seen: the payment if it isn't just INIT any more; nothing is sent then.
  private func call(seen: ProviderPayment?) -> ProviderEffects.Call {
    let registration = ProviderRegistration(id: providerId)
    return .init(
      isHarmless: true,
      send: { key in
        if let seen { return try Self.outcome(seen, registration) }
        try await effects.provider.execute(id: providerId, idempotencyKey: key)
        return registration
      },
      ask: {
        // Only INIT has to be looked at anew: it may have been read before the call arrived.
        let entry = if let seen { seen } else { try await look() }
        guard entry.isBegun else { return .didNotHappen }
        do throws(EffectFailure) {
          return .happened(try Self.outcome(entry, registration))
        } catch {
          return .failed(error)
        }
      }
    )
  }

  /// - Throws: `EffectFailure` if the provider has something else than was asked for: nothing is sent then, and the next look stops
  ///   the payment.
  private func look() async throws -> ProviderPayment {
    let entry = try await effects.provider.payment(id: providerId)
    if let reason = payment.stopReason(entry) { throw EffectFailure.temporary("different", reason) }
    return entry
  }

  private static func outcome(
    _ entry: ProviderPayment,
    _ registration: ProviderRegistration
  ) throws(EffectFailure) -> ProviderRegistration {
    if let failure = entry.failure { throw .permanent("declined", failure) }
    let status = entry.status
    // FAILED is a word of ours for a payment that the provider never began.
    guard status == .cancelled || status.rawValue == PaymentStatus.failed.rawValue else { return registration }
    throw .permanent("cancelled", "The payment is \(status.rawValue).")
  }
}
