/// A payment as the provider shows it.
struct ProviderPayment: Codable, Equatable, Sendable {
  var id: String
  var status: ProviderStatus
  /// Our payment's id, as text.
  var reference: String?
}
