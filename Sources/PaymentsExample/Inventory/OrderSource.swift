/// Knows the terms of orders.
protocol OrderSource: Sendable {
  /// nil: there is no such order.
  func terms(orderId: String) async throws -> OrderTerms?
}
