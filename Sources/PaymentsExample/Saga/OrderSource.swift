/// Knows the terms of orders.
package protocol OrderSource: Sendable {
  /// nil: there is no such order.
  func terms(orderId: String) async throws -> OrderTerms?
}

/// What an order is to be paid with.
package struct OrderTerms: Codable, Equatable, Sendable {
  package var userId: String
  /// In minor units.
  package var amount: Int64
  /// ISO 4217.
  package var currency: String
  package var description: String?

  package init(userId: String, amount: Int64, currency: String, description: String? = nil) {
    self.userId = userId
    self.amount = amount
    self.currency = currency
    self.description = description
  }
}
