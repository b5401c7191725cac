/// A Refund, as far as we read it.
///
/// https://docs.stripe.com/api/refunds/object
struct StripeRefund: Decodable, Sendable {
  var id: String
  var amount: Int64
  var currency: String
  /// Null in old ones.
  var status: String?
  var metadata: [String: String]?

  /// In our words. Those that weren't asked for by us have no reference.
  var refund: ProviderRefund {
    let minorUnits = StripeAmount.minorUnits(amount, currency: currency.uppercased())
    return ProviderRefund(
      id: id,
      reference: metadata?[StripeMetadata.reference] ?? "",
      amount: minorUnits ?? amount,
      status: Self.status(status ?? "pending")
    )
  }

  /// `succeeded` is final for us, though a bank may still send the money back weeks later: Stripe then calls the refund
  /// failed, and a person has to find another way to pay.
  static func status(_ status: String) -> String {
    switch status {
    case "succeeded": Refund.done
    case "failed", "canceled": Refund.failed
    case "pending": ProviderStatus.processing.rawValue
    default: StripePaymentIntent.unknown(status).rawValue
    }
  }
}
