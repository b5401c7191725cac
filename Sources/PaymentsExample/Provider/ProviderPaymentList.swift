/// The answer to `GET /v1/payments?reference=…`.
struct ProviderPaymentList: Codable, Equatable, Sendable {
  var payments: [ProviderPayment]
}
