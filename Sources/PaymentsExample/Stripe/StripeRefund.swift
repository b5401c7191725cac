/// A Refund or a Dispute, as far as we read it.
///
/// https://docs.stripe.com/api/refunds/object, https://docs.stripe.com/api/disputes/object
struct StripeRefund: Decodable, Identifiable, Sendable {
  var id: String
  var amount: Int64
  var currency: String
  /// Null in old ones.
  var status: String?
  var metadata: [String: String]?
  var reason: String?

  /// In our words. Those that weren't asked for by us have no reference.
  var refund: ProviderRefund { entry(Self.status(status ?? "pending")) }

  /// In our words. A warning that was closed took nothing, nor did a dispute that was prevented.
  var dispute: ProviderRefund {
    switch status {
    case "won", "warning_closed", "prevented": entry(Refund.won)
    case "lost": entry(Refund.lost)
    default: entry(Refund.open)
    }
  }

  private func entry(_ status: String) -> ProviderRefund {
    ProviderRefund(
      id: id,
      reference: metadata?[StripeMetadata.reference] ?? "",
      amount: StripeAmount.minorUnits(amount, currency: currency.uppercased()) ?? amount,
      status: status,
      reason: reason
    )
  }

  /// `succeeded` is final for us, though a bank may still send the money back weeks later: Stripe then calls the refund
  /// failed, and so do we.
  static func status(_ status: String) -> String {
    switch status {
    case "succeeded": Refund.done
    case "failed", "canceled": Refund.failed
    case "pending": ProviderStatus.processing.rawValue
    default: StripePaymentIntent.unknown(status).rawValue
    }
  }
}
