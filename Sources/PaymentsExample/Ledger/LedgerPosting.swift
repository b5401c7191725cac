package import Foundation

/// One entry of the ledger with what its transfer is about.
package struct LedgerPosting: Equatable, Sendable {
  package enum Phase: String, CaseIterable, Sendable {
    /// Held: the provider may move it from now on.
    case pending
    /// The hold has ended with the money moved.
    case posted
    /// The hold has ended with nothing moved.
    case voided
    /// What was posted is taken back.
    case reversed
    /// The provider's books say so.
    case settled
  }

  package var transfer: Int64
  /// The transfer before: the hold that this one ends, or the posted one that it takes back.
  package var follows: Int64?
  package var phase: Phase
  /// The refund that it is about; nil: the payment itself.
  package var refund: String?
  /// Written for what was there before the ledger.
  package var isOpening: Bool
  package var account: String
  package var amount: MinorUnits
  package var currency: String
  package var at: Date
}

/// Something that must not be, as `payments.ledger_check` found it.
package struct LedgerDifference: Equatable, Sendable {
  package var problem: String
  /// The currency, account, transfer, payment or refund.
  package var subject: String
  package var detail: String
}
