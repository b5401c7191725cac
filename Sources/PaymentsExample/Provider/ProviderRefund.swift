/// A refund as the provider shows it.
package struct ProviderRefund: Codable, Equatable, Sendable {
  package var id: String
  package var reference: String
  /// In minor units.
  package var amount: Int64
  /// DONE and FAILED are final.
  package var status: String

  package init(id: String, reference: String, amount: Int64, status: String) {
    self.id = id
    self.reference = reference
    self.amount = amount
    self.status = status
  }
}

/// What a refund is asked for with.
package struct ProviderRefundRequest: Encodable, Equatable, Sendable {
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

/// The answer to `GET /v1/payments/{id}/refunds`.
package struct ProviderRefundList: Codable, Equatable, Sendable {
  package var refunds: [ProviderRefund]

  package init(refunds: [ProviderRefund]) {
    self.refunds = refunds
  }
}
