/// Comparing what the provider has registered with what it was asked for.
///
/// Everything must be there: what a provider doesn't show can't be compared, and that is a difference too.
extension Payment {
  /// What the provider's entry says otherwise than this payment, for people; empty: it is this payment, unaltered.
  func differences(from entry: ProviderPayment) -> [String] {
    [
      Difference.hidden("reference", reference, entry.reference), Difference.hidden("user", userId, entry.userId),
      Difference.shown("amount", String(amount), entry.amount.map(String.init)),
      Difference.shown("currency", currency, entry.currency), ProviderText.fault(inId: entry.id),
    ].compactMap(\.self)
  }

  /// Why nothing more may be done about the payment, if the provider's entry isn't what was asked for; nil: it is.
  func stopReason(_ entry: ProviderPayment) -> String? {
    Difference.reason(entry.id, differences(from: entry))
  }
}

extension Refund {
  /// Why nothing more may be done about the refund, if the provider's entry isn't what was asked for; nil: it is.
  func stopReason(_ entry: ProviderRefund) -> String? {
    Difference.reason(
      entry.id,
      [
        Difference.hidden("reference", reference, entry.reference),
        Difference.shown("amount", String(amount), String(entry.amount)), ProviderText.fault(inId: entry.id),
      ].compactMap(\.self)
    )
  }
}

private enum Difference {
  static func shown(_ name: String, _ ours: String, _ theirs: String?) -> String? {
    ours == theirs ? nil : "\(name) \(ours) here, \(theirs.map(ProviderText.plain) ?? "none") there"
  }

  /// What belongs to somebody else is not shown.
  static func hidden(_ name: String, _ ours: String, _ theirs: String?) -> String? {
    ours == theirs ? nil : "\(name) \(ours) here, \(theirs == nil ? "none" : "another") there"
  }

  static func reason(_ id: String, _ differences: [String]) -> String? {
    guard !differences.isEmpty else { return nil }
    return "The provider's \(ProviderText.plain(id)) isn't what was asked for: \(differences.joined(separator: ", "))."
  }
}
