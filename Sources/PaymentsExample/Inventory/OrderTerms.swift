/// What an order is to be paid with.
struct OrderTerms: Codable, Equatable, Sendable {
  var userId: String
  /// In minor units.
  var amount: Int64
  /// ISO 4217.
  var currency: String
  var description: String?
}
