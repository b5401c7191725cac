import Foundation

/// A PaymentIntent, as far as we read it.
///
/// https://docs.stripe.com/api/payment_intents/object
struct StripePaymentIntent: Decodable, Sendable {
  /// Why the last attempt to pay failed.
  struct Failure: Decodable, Sendable {
    var message: String?
    var code: String?
    var declineCode: String?

    private enum CodingKeys: String, CodingKey {
      case message, code
      case declineCode = "decline_code"
    }

    /// For people.
    var reason: String {
      let code = declineCode ?? self.code
      return [message, code.map { "(\($0))" }].compactMap { $0 }.joined(separator: " ")
    }
  }

  var id: String
  var status: String
  var amount: Int64?
  /// In small letters.
  var currency: String?
  /// Unix seconds.
  var created: Int64?
  var metadata: [String: String]?
  var lastPaymentError: Failure?

  private enum CodingKeys: String, CodingKey {
    case id, status, amount, currency, created, metadata
    case lastPaymentError = "last_payment_error"
  }

  /// In our words.
  var payment: ProviderPayment {
    let currency = self.currency?.uppercased()
    return ProviderPayment(
      id: id,
      status: Self.status(status),
      reference: metadata?[StripeMetadata.reference],
      userId: metadata?[StripeMetadata.userId],
      amount: self.amount.flatMap { amount in currency.flatMap { StripeAmount.minorUnits(amount, currency: $0) } },
      currency: currency,
      createdAt: created.map { Date(timeIntervalSince1970: TimeInterval($0)) },
      namespace: metadata?[StripeMetadata.namespace],
      failure: failure
    )
  }

  /// Money moves when an intent is confirmed, and never before: what waits for a confirmation is INIT. So is what has no
  /// payment method, which a failed attempt takes away (it is then told apart by ``failure``). What waits for somebody
  /// else, and what Stripe may invent, keeps its name and is waited on.
  static func status(_ status: String) -> ProviderStatus {
    switch status {
    case "requires_payment_method", "requires_confirmation": .initial
    case "processing": .processing
    case "canceled": .cancelled
    case "succeeded": .done
    default: unknown(status)
    }
  }

  /// A word that Stripe may use one day, and that must not look like one of ours.
  static func unknown(_ status: String) -> ProviderStatus {
    let word = ProviderStatus(rawValue: status.uppercased())
    return word.isFinal || word == .initial || word.rawValue == Refund.failed ? .processing : word
  }

  /// Why no money moved and none will; nil while that is open. An error of an attempt that was followed by another is
  /// history.
  private var failure: String? {
    guard let error = lastPaymentError, ["requires_payment_method", "canceled"].contains(status) else {
      return nil
    }
    return error.reason.isEmpty ? "The payment failed." : error.reason
  }
}
