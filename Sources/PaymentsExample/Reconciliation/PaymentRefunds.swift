/// The refunds of one payment in both books, and its disputes.
struct PaymentRefunds: Equatable, Sendable {
  /// nil: the provider's payment is none of ours.
  var payment: Payment?
  /// The provider's id of the payment; nil: it was never registered.
  var providerId: String?
  var currency: String
  var ours: [Refund]
  var theirs: [ProviderRefund]
  /// What the provider's payment says of all of them; nil: nothing.
  var refunded: Int64?
  var disputed: Int64?

  /// What ours lack of theirs, and may be written without a person.
  enum Change: Equatable, Sendable {
    /// Nobody here asked for it.
    case adopt(ProviderRefund)
    /// It isn't what it was.
    case change(Refund, to: ProviderRefund)
    /// It has a task that asks for it.
    case ask(RefundID)
  }

  /// Never what moved no money here and did there, nor another amount: a person has to look.
  var changes: [Change] {
    theirs.compactMap { entry in
      guard isKnown(entry), let own = own(entry) else {
        return isWorthKnowing(entry) && isPossible(entry) ? .adopt(entry) : nil
      }
      guard own.amount == entry.amount, own.status != entry.state, !own.movedNothing else { return nil }
      if own.origin == .caller, !own.isFinal { return .ask(own.id) }
      return own.isFinal && !entry.isFinal ? nil : .change(own, to: entry)
    }
  }

  /// A refund that failed unknown to us is nothing.
  func isWorthKnowing(_ entry: ProviderRefund) -> Bool {
    entry.isDispute || entry.state != Refund.failed
  }

  /// Whether it can be: nobody takes back what was never paid, and under a name that our books can keep.
  func isPossible(_ entry: ProviderRefund) -> Bool {
    (1...(payment?.amount ?? .max)).contains(entry.amount) && ProviderText.isId(entry.id)
  }

  /// Whether it is one of ours. The second one with the reference of ours isn't.
  func isKnown(_ entry: ProviderRefund) -> Bool {
    own(entry).flatMap { self.entry($0) } == entry
  }

  /// Ours that an entry of the provider's is about. What failed before the provider gave it an id has no other entry there.
  func own(_ entry: ProviderRefund) -> Refund? {
    ours.first { $0.providerId == entry.id }
      ?? ours.first {
        $0.providerId == nil && $0.reference == entry.reference
          && ($0.status != Refund.failed || entry.state == Refund.failed)
      }
  }

  /// The provider's entry for a refund of ours.
  func entry(_ refund: Refund) -> ProviderRefund? {
    theirs.first { own($0)?.id == refund.id }
  }
}
