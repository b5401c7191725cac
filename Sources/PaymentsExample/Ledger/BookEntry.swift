/// What the provider's books say by now about one payment or refund.
package struct BookEntry: Encodable, Equatable, Sendable {
  /// `payment:<the provider's id>`, `refund:<the provider's id>` or `dispute:<the provider's id>`.
  var book: String
  /// Ours that it is about, as text; nil: none.
  var paymentId: String?
  var refundId: String?
  var currency: String
  /// In minor units: what moved; below zero for money that came back, 0 if none moved.
  var amount: Int64

  static func payment(_ entry: ProviderPayment, of payment: Payment?) -> Self? {
    guard let amount = entry.amount ?? payment?.amount, let currency = entry.currency ?? payment?.currency else {
      return nil
    }
    return Self(
      book: "payment:\(entry.id)",
      paymentId: payment.map { "\($0.id)" },
      currency: currency,
      amount: entry.status == .done ? max(0, amount) : 0
    )
  }

  static func refund(_ entry: ProviderRefund, of paid: Payment?, as refund: Refund?, currency: String) -> Self {
    Self(
      book: "\(entry.isDispute ? "dispute" : "refund"):\(entry.id)",
      paymentId: paid.map { "\($0.id)" },
      refundId: refund.map { "\($0.id)" },
      currency: currency,
      amount: -entry.moved
    )
  }
}
