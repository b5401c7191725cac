/// The body of `POST /v1/payments`.
struct ProviderPaymentRequest: Codable, Equatable, Sendable {
  /// Our payment's id, as text: what the provider is asked by when an answer got lost.
  var reference: String
  var userId: String
  /// In minor units (cents).
  var amount: Int64
  /// ISO 4217.
  var currency: String
  var description: String
}
