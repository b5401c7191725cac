/// The answer to `GET /payments/{id}`: the payment, what happened to it, what was paid back, and who wants it back.
package struct PaymentDetails: Codable, Equatable, Sendable {
  package var payment: Payment
  /// Oldest first, at most ``maxEvents``.
  var history: [PaymentEvent]
  var refunds: [Refund]
  /// As refunds, of the origin ``Refund/Origin/dispute``.
  var disputes: [Refund]

  static let maxEvents = 1000

  private enum CodingKeys: String, CodingKey {
    case history, refunds, disputes
  }

  /// - Parameter refunds: with the disputes among them.
  init(payment: Payment, history: [PaymentEvent], refunds: [Refund]) {
    self.payment = payment
    self.history = history
    self.refunds = refunds.filter { $0.origin != .dispute }
    disputes = refunds.filter { $0.origin == .dispute }
  }

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    payment = try Payment(from: decoder)
    history = try container.decode([PaymentEvent].self, forKey: .history)
    refunds = try container.decode([Refund].self, forKey: .refunds)
    disputes = try container.decode([Refund].self, forKey: .disputes)
  }

  /// One flat object: the payment's fields and these three.
  package func encode(to encoder: any Encoder) throws {
    try payment.encode(to: encoder)
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(history, forKey: .history)
    try container.encode(refunds, forKey: .refunds)
    try container.encode(disputes, forKey: .disputes)
  }
}
