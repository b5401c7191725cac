/// The answer to `GET /v1/payments/{id}/refunds`.
struct ProviderRefundList: Codable, Equatable, Sendable {
  var refunds: [ProviderRefund]
}
