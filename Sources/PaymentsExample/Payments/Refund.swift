import Foundation

/// Money that goes back, all of a payment or a part of it.
struct Refund: Codable, Equatable, Sendable {
  var id: Int64
  var paymentId: Int64
  /// In minor units of the payment's currency.
  var amount: Int64
  var reason: String
  /// CREATED, then what the provider says, at last DONE or FAILED.
  var status: String
  /// The provider's id of the refund, once we have one.
  var providerId: String?
  var createdAt: Date
  var updatedAt: Date

  /// What the provider knows it by, and its idempotency key there: the same for every attempt, after every crash.
  var reference: String { "refund-\(self.id)" }

  static let created = "CREATED"
  static let done = "DONE"
  static let failed = "FAILED"

  var isFinal: Bool { self.status == Self.done || self.status == Self.failed }
}
