package import Foundation

/// A payment as the provider shows it.
///
/// The contract promises everything up to the currency. A payment whose entry lacks any of it is stopped: nobody could tell that it
/// is what was asked for.
package struct ProviderPayment: Codable, Equatable, Sendable {
  package var id: String
  package var status: ProviderStatus
  /// Our payment's id, as text.
  package var reference: String?
  package var userId: String?
  /// In minor units.
  package var amount: Int64?
  package var currency: String?
  package var createdAt: Date?
  /// Whose books it is in: the ``PaymentNamespace`` that it was registered with. nil: the provider doesn't know any.
  package var namespace: String?
  /// Of its refunds together, in minor units; nil: the provider doesn't say it here.
  package var refunded: Int64?
  /// Of its disputes together, however they ended, in minor units; nil: the provider doesn't say it here.
  package var disputed: Int64?
  /// Why the provider won't move the money, if it tried and gave up: none has moved. No part of our own contract, whose
  /// providers cancel then.
  package var failure: String?
  /// Of a list's entry: what of it can't be read. nil: nothing.
  var unreadable: String?

  package init(
    id: String,
    status: ProviderStatus,
    reference: String? = nil,
    userId: String? = nil,
    amount: Int64? = nil,
    currency: String? = nil,
    createdAt: Date? = nil,
    namespace: String? = nil,
    refunded: Int64? = nil,
    disputed: Int64? = nil,
    failure: String? = nil
  ) {
    self.id = id
    self.status = status
    self.reference = reference
    self.userId = userId
    self.amount = amount
    self.currency = currency
    self.createdAt = createdAt
    self.namespace = namespace
    self.refunded = refunded
    self.disputed = disputed
    self.failure = failure
  }

  /// Whether it was told to execute, however that ended.
  var isBegun: Bool { status != .initial || failure != nil }

  /// Whether it says that something of it went back.
  var saysTakenBack: Bool { (refunded ?? 0) != 0 || (disputed ?? 0) != 0 }

  /// Why our books can't have it; nil: they can.
  var fault: String? {
    if let fault = unreadable ?? ProviderText.fault(inId: id) { return fault }
    guard let currency, currency.wholeMatch(of: /[A-Z]{3}/) == nil else { return nil }
    return "\(ProviderText.plain(currency)) is no currency"
  }

  fileprivate enum CodingKeys: String, CodingKey {
    case id, status, reference, userId, amount, currency, createdAt, namespace, refunded, disputed
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
  /// Whose books it goes into; the client of a provider that knows them fills it in.
  package var namespace: String?
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

  package init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    payments = try container.decode([Entry].self, forKey: .payments).map(\.payment)
    next = try container.decodeIfPresent(String.self, forKey: .next)
  }

  /// One that can't be read hides none of the others, as long as it says which it is.
  private struct Entry: Decodable {
    let payment: ProviderPayment

    init(from decoder: any Decoder) throws {
      // Not only a DecodingError: of a number that does not fit Foundation throws one of its own.
      do { payment = try ProviderPayment(from: decoder) } catch {
        let fields = try? decoder.container(keyedBy: ProviderPayment.CodingKeys.self)
        guard let id = try? fields?.decode(String.self, forKey: .id) else { throw error }
        var payment = ProviderPayment(id: id, status: ProviderStatus(rawValue: ""))
        payment.unreadable = ((error as? DecodingError)?.field.map { "its \($0)" } ?? "it") + " can't be read"
        self.payment = payment
      }
    }
  }
}

extension DecodingError {
  /// The member that could not be read; nil: it is none.
  fileprivate var field: String? {
    switch self {
    case .keyNotFound(let key, _): key.stringValue
    case .typeMismatch(_, let context), .valueNotFound(_, let context), .dataCorrupted(let context):
      context.codingPath.last?.stringValue
    @unknown default: nil
    }
  }
}
