/// What a refund is asked for with.
struct ProviderRefundRequest: Encodable, Equatable, Sendable {
  /// The provider's id of the payment; in the path, not in the body.
  var paymentId: String
  /// Our refund's name: what it is found by when an answer got lost.
  var reference: String
  /// In minor units.
  var amount: Int64

  private enum CodingKeys: String, CodingKey {
    case reference, amount
  }
}
