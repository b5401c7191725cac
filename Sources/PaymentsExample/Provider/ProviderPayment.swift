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
  /// Why the provider won't move the money, if it tried and gave up: none has moved. No part of our own contract, whose
  /// providers cancel then.
  var failure: String?

  /// Whether it was told to execute, however that ended.
  var isBegun: Bool { self.status != .initial || self.failure != nil }

  private enum CodingKeys: String, CodingKey {
    case id, status, reference, amount, currency, createdAt
  }
}
