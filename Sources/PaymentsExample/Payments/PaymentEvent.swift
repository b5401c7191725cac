import Foundation

/// One line of a payment's history.
package struct PaymentEvent: Codable, Equatable, Sendable {
  package enum Kind: String, Codable, CaseIterable, Sendable {
    case created
    case registered
    case refused
    case declined
    /// Something is wrong with it, and a person has to look.
    case stopped
    /// A person has looked, and has it go on.
    case resumed
    case status
    /// An attempt came to nothing, and the one before had not.
    case attemptFailed = "attempt-failed"
    case executionRequested = "execution-requested"
    case cancelled
    case cancellationRequested = "cancellation-requested"
    case cancellationRefused = "cancellation-refused"
    case refundRequested = "refund-requested"
    case refunded
    case refundFailed = "refund-failed"
    case disputed
    case disputeWon = "dispute-won"
    case disputeLost = "dispute-lost"
    case stepPassed = "step-passed"
    case stepUndone = "step-undone"
    case accountRejected = "account-rejected"
    case fraudSuspected = "fraud-suspected"
    case orderGone = "order-gone"
    case deliveryRejected = "delivery-rejected"
  }

  /// What the status of a refund or a dispute is in the history.
  static func kind(ofRefund status: String) -> Kind {
    switch status {
    case Refund.done: .refunded
    case Refund.failed: .refundFailed
    case Refund.open: .disputed
    case Refund.won: .disputeWon
    case Refund.lost: .disputeLost
    default: .refundRequested
    }
  }

  var at: Date
  var kind: Kind
  /// The payment's status from then on.
  var status: PaymentStatus
  var detail: String?
  /// Who did it: a caller, or a word of ``PaymentActor``.
  var actor: String
}
