import Foundation

/// The answer to `GET /payments/{id}`: the payment, what happened to it, what was paid back, and who wants it back.
package struct PaymentDetails: Codable, Equatable, Sendable {
  package var payment: Payment
  /// Oldest first, at most ``maxEvents``.
  var history: [PaymentEvent]
  var refunds: [Refund]
  /// As refunds, of the origin ``Refund/Origin/dispute``.
  var disputes: [Refund]
  /// Why it doesn't come on; nil: it is final.
  var trouble: PaymentTrouble?

  static let maxEvents = 1000

  private enum CodingKeys: String, CodingKey {
    case history, refunds, disputes, nextAttemptAt
  }

  /// - Parameters:
  ///   - refunds: with the disputes among them.
  ///   - troubles: those of the payment and of its refunds.
  init(payment: Payment, history: [PaymentEvent], refunds: [Refund], troubles: [UUID: PaymentTrouble] = [:]) {
    self.payment = payment
    self.history = history
    let all = refunds.map { refund in
      var refund = refund
      let trouble = troubles[refund.id.uuid]
      (refund.lastError, refund.lastErrorAt, refund.nextAttemptAt) = (
        trouble?.error, trouble?.errorAt, trouble?.nextAttemptAt
      )
      return refund
    }
    self.refunds = all.filter { $0.origin != .dispute }
    disputes = all.filter { $0.origin == .dispute }
    trouble = troubles[payment.id.uuid]
    // Of one moment with the next attempt.
    (self.payment.lastError, self.payment.lastErrorAt) = (trouble?.error, trouble?.errorAt)
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    payment = try Payment(from: decoder)
    history = try container.decode([PaymentEvent].self, forKey: .history)
    refunds = try container.decode([Refund].self, forKey: .refunds)
    disputes = try container.decode([Refund].self, forKey: .disputes)
    trouble = PaymentTrouble(
      error: payment.lastError,
      errorAt: payment.lastErrorAt,
      nextAttemptAt: try container.decodeIfPresent(Date.self, forKey: .nextAttemptAt)
    )
  }

  /// One flat object: the payment's fields and these.
  package func encode(to encoder: any Encoder) throws {
    try payment.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(history, forKey: .history)
    try container.encode(refunds, forKey: .refunds)
    try container.encode(disputes, forKey: .disputes)
    try container.encodeIfPresent(trouble?.nextAttemptAt, forKey: .nextAttemptAt)
  }
}
