import Foundation

/// A payment as the provider shows it. Only the first two are promised.
struct ProviderPayment: Codable, Equatable, Sendable {
  var id: String
  var status: ProviderStatus
  /// Our payment's id, as text.
  var reference: String?
  /// In minor units.
  var amount: Int64?
  var currency: String?
  var createdAt: Date?
}
