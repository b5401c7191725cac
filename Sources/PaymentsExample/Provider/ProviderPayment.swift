package import Foundation

/// A payment as the provider shows it. Only the first two are promised.
package struct ProviderPayment: Codable, Equatable, Sendable {
  package var id: String
  package var status: ProviderStatus
  /// Our payment's id, as text.
  package var reference: String?
  /// In minor units.
  package var amount: Int64?
  package var currency: String?
  package var createdAt: Date?
  /// Of its refunds together, in minor units; nil: the provider doesn't say it here.
  package var refunded: Int64?
  /// Why the provider won't move the money, if it tried and gave up: none has moved. No part of our own contract, whose
  /// providers cancel then.
  package var failure: String?

  package init(
    id: String,
    status: ProviderStatus,
    reference: String? = nil,
    amount: Int64? = nil,
    currency: String? = nil,
    createdAt: Date? = nil,
    refunded: Int64? = nil,
    failure: String? = nil
  ) {
    self.id = id
    self.status = status
    self.reference = reference
    self.amount = amount
    self.currency = currency
    self.createdAt = createdAt
    self.refunded = refunded
    self.failure = failure
  }

  /// Whether it was told to execute, however that ended.
  var isBegun: Bool { status != .initial || failure != nil }

  private enum CodingKeys: String, CodingKey {
    case id, status, reference, amount, currency, createdAt, refunded
  }
}

/// The body of `POST /v1/payments`.
package struct ProviderPaymentRequest: Codable, Equatable, Sendable {
  /// Our payment's id, as text: what the provider is asked by when an answer got lost.
  package var reference: String
  package var userId: String
  /// In minor units (cents).
  package var amount: Int64
  /// ISO 4217.
  package var currency: String
  package var description: String
}

/// The answer to `GET /v1/payments?reference=…`.
package struct ProviderPaymentList: Codable, Equatable, Sendable {
  package var payments: [ProviderPayment]

  package init(payments: [ProviderPayment]) {
    self.payments = payments
  }
}

/// One page of the provider's books.
package struct ProviderPage: Codable, Equatable, Sendable {
  package var payments: [ProviderPayment]
  /// Asks for the page after this; nil: this is the last.
  package var next: String?

  package init(payments: [ProviderPayment], next: String? = nil) {
    self.payments = payments
    self.next = next
  }
}
