/// A refund as the provider shows it.
struct ProviderRefund: Codable, Equatable, Sendable {
  var id: String
  var reference: String
  /// In minor units.
  var amount: Int64
  /// DONE and FAILED are final.
  var status: String
}
