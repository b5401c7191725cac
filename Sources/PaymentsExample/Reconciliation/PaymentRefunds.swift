/// The refunds of one payment in both books.
struct PaymentRefunds: Equatable, Sendable {
  /// nil: the provider's payment is none of ours.
  var payment: Payment?
  /// The provider's id of the payment; nil: it was never registered.
  var providerId: String?
  var currency: String
  var ours: [Refund]
  var theirs: [ProviderRefund]

  /// Ours that an entry of the provider's is about.
  func own(_ entry: ProviderRefund) -> Refund? {
    ours.first { $0.providerId == entry.id } ?? ours.first { $0.providerId == nil && $0.reference == entry.reference }
  }

  /// The provider's entry for a refund of ours.
  func entry(_ refund: Refund) -> ProviderRefund? {
    theirs.first { own($0)?.id == refund.id }
  }
}
