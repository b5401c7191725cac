package import TaskQueueHTTP

/// The body of `POST /payments`.
package struct NewPayment: Codable, Equatable, Sendable {
  // In code points, as JSON Schema counts.
  static let maxIdLength = 255
  static let maxDescriptionLength = 1000
  /// Below 2^53, so that no reader of JSON rounds it.
  static let amounts: ClosedRange<Int64> = 1...999_999_999_999_999

  package var userId: String
  package var orderId: String?
  /// In minor units (cents; for JPY whole yen), within ``amounts``.
  package var amount: Int64
  /// ISO 4217.
  package var currency: String
  package var description: String
  /// The name of the provider that it goes to; nil: the primary one.
  package var provider: String?

  package init(
    userId: String,
    orderId: String? = nil,
    amount: Int64,
    currency: String,
    description: String,
    provider: String? = nil
  ) {
    self.userId = userId
    self.orderId = orderId
    self.amount = amount
    self.currency = currency
    self.description = description
    self.provider = provider
  }

  /// - Throws: ``ProblemError`` with every field that breaks a rule.
  package init(_ fields: BodyFields) throws {
    var fields = fields
    let userId = fields.identifier("userId", length: 1...Self.maxIdLength, isRequired: true)
    orderId = fields.identifier("orderId", length: 1...Self.maxIdLength)
    let amount = fields.integer("amount", in: Self.amounts, isRequired: true)
    let currency = fields.text("currency", length: 3...3, isRequired: true)
    description = fields.text("description", length: 0...Self.maxDescriptionLength) ?? ""
    provider = fields.text("provider", length: 1...PaymentProviders.maxNameLength)
    if let currency, Currency.exponent(currency) == nil {
      fields.report("currency", "must be a currency of ISO 4217 in capital letters")
    }
    try fields.finish()
    guard let userId, let amount, let currency else { throw ProblemError(.invalidFields) }
    self.userId = userId
    self.amount = amount
    self.currency = currency
  }
}
