package import Foundation

/// What comparing our books with the provider's found.
package struct ReconciliationReport: Codable, Equatable, Sendable {
  /// The most lines that are kept; the counts go on.
  package static let maxLines = 1000

  /// What `payments reconcile` ends with.
  package enum ExitStatus: Int32, Sendable {
    case clean = 0
    case different = 1
    case notCompared = 2
  }

  package enum Kind: String, Codable, CaseIterable, Sendable {
    /// We have the provider's id, the provider doesn't know it.
    case missing
    /// The provider moved money, or may have, for a payment that isn't the one we stand by.
    case orphanedExecuted = "orphaned-executed"
    /// Amount, currency or final status differ.
    case different
    /// Final at the provider for longer than the grace time, and we haven't looked.
    case behind
    /// Registered at the provider, never executed, and never will be.
    case orphanedHarmless = "orphaned-harmless"
    /// We have the provider's id of a refund, or call it DONE, and the provider doesn't know it.
    case refundMissing = "refund-missing"
    /// Amount or final status of a refund differ.
    case refundDifferent = "refund-different"
    /// A refund is final at the provider for longer than the grace time, and we haven't looked; or nobody has asked for it.
    case refundBehind = "refund-behind"
    /// The provider paid back, or may have, what we never asked for.
    case refundUnknown = "refund-unknown"
    /// The same of a dispute, which is money that may go back.
    case disputeMissing = "dispute-missing"
    case disputeDifferent = "dispute-different"
    case disputeBehind = "dispute-behind"
    case disputeUnknown = "dispute-unknown"
    /// What the provider's books say was taken back can't have been: an amount that was never paid, or a sum without entries.
    case refundImpossible = "refund-impossible"
    case disputeImpossible = "dispute-impossible"
    /// The money came back to the provider, and we call the payment DONE.
    case returned
    /// The clearing account doesn't end at 0: both books know of a payment or refund, and say different amounts.
    case clearing
    /// The ledger contradicts itself or the payments.
    case ledger
    /// What the provider shows of this one can't be read: nothing is known about it.
    case notCompared = "not-compared"

    /// Whether somebody has to look at it.
    var isDifference: Bool { self != .orphanedHarmless }

    /// What a refund's kind is called of a dispute.
    var ofDispute: Self { Self(rawValue: rawValue.replacing("refund-", with: "dispute-")) ?? self }
  }

  /// What brings the books together again without moving money.
  package enum Repair: Codable, Equatable, Hashable, Sendable {
    /// Ask the provider about our payment.
    case check(PaymentID)
    /// Register our payment, if that got stuck.
    case begin(PaymentID)
    /// Tell the provider of a payment that we cancelled.
    case cancel(PaymentID)
    /// Drop the provider's payment with this id.
    case drop(String)
    /// Ask the provider about our refund, or for it.
    case refund(RefundID)
  }

  package struct Line: Codable, Equatable, Sendable {
    package var kind: Kind
    package var paymentId: PaymentID?
    package var providerId: String?
    package var detail: String
  }

  /// Whose books were compared.
  package var provider = PaymentProviders.defaultName
  package var since: Date
  package var until: Date
  /// Payments on which both agree.
  var matched = 0
  /// Payments that are on their way: nothing to compare yet.
  package var open = 0
  /// Refunds on which both agree.
  var refundsMatched = 0
  /// Refunds that are on their way.
  var refundsOpen = 0
  /// Transfers that the ledger got from the provider's books by this comparison.
  var settled = 0
  /// The provider's clearing account after that.
  package var clearing: [ClearingBalance] = []
  package private(set) var found: [String: Int] = [:]
  /// At most ``maxLines``.
  package private(set) var lines: [Line] = []
  /// At most ``maxLines``.
  package private(set) var repairs: [Repair] = []

  package init(since: Date, until: Date) {
    self.since = since
    self.until = until
    for kind in Kind.allCases { found[kind.rawValue] = 0 }
  }

  package mutating func add(_ line: Line, repair: Repair? = nil) {
    found[line.kind.rawValue, default: 0] += 1
    if lines.count < Self.maxLines { lines.append(line) }
    if let repair { add(repair) }
  }

  package mutating func add(_ repair: Repair) {
    if repairs.count < Self.maxLines { repairs.append(repair) }
  }

  package func count(_ kind: Kind) -> Int {
    found[kind.rawValue] ?? 0
  }

  /// How many things were found, more than ``lines`` if there are many.
  package var foundCount: Int { Kind.allCases.reduce(0) { $0 + count($1) } }

  /// Nobody has to look at anything.
  package var isClean: Bool {
    Kind.allCases.allSatisfy { !$0.isDifference || count($0) == 0 }
  }

  /// Incomplete comes before different.
  package var exitStatus: ExitStatus {
    if count(.notCompared) > 0 { return .notCompared }
    return isClean ? .clean : .different
  }

  /// Every count, by name.
  package var counts: [(kind: String, count: Int)] {
    [("matched", matched), ("open", open), ("refunds-matched", refundsMatched), ("refunds-open", refundsOpen)]
      + Kind.allCases.map { ($0.rawValue, count($0)) }
  }
}
