/// What an account of the ledger holds in one currency.
package struct LedgerBalance: Equatable, Sendable {
  /// `user:<user id>`, `held:<provider>`, `clearing:<provider>` or `payee`.
  package var account: String
  /// The first part of the account's name.
  package var kind: String
  package var currency: String
  /// Above zero: money that is in the account; below: money that went out of it.
  package var amount: MinorUnits
  /// How many entries it is the sum of.
  package var entries: Int64
  /// How many of them stand for themselves: they haven't been folded yet.
  package var unfolded: Int64
}

/// The provider's clearing account in one currency, compared with the provider's books.
package struct ClearingBalance: Codable, Equatable, Sendable {
  package var account: String
  package var currency: String
  package var amount: MinorUnits
  /// Of what was posted in the window, what our books call done and no comparison has found in the provider's books yet.
  package var unconfirmed: MinorUnits
  /// Of the same, what both books know of and say different amounts of; and what is for no payment of ours, whenever that was.
  package var difference: MinorUnits
  /// How many payments and refunds make the difference; they may add up to 0.
  package var differing: Int64
  /// The rest, from before the window: a comparison that looks back further says what it is.
  package var earlier: MinorUnits
}
