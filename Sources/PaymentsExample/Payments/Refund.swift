import Foundation
import TaskQueueHTTP

/// Money that goes back, all of a payment or a part of it: because a caller asked for it, because the provider did it by itself, or
/// because somebody disputes the payment.
package struct Refund: Codable, Equatable, Sendable {
  enum Origin: String, Codable, CaseIterable, Sendable {
    /// A caller of ours, or a step that was rejected: we ask the provider for it.
    case caller
    /// Somebody at the provider, past us.
    case provider
    /// A dispute: the provider holds the money until it is won, or lost.
    case dispute
  }

  var id: RefundID
  var paymentId: PaymentID
  /// In minor units of the payment's currency.
  var amount: Int64
  var reason: String
  /// CREATED, then what the provider says, at last DONE or FAILED. A dispute is OPEN, then WON or LOST.
  var status: String
  var origin = Origin.caller
  /// Why it is FAILED.
  var failure: String?
  /// Why nothing more is done about it until a person has looked, as a payment's.
  var stopReason: String?
  /// The provider's id of the refund, once we have one.
  var providerId: String?
  var createdAt: Date
  var updatedAt: Date
  /// As a payment's, see ``PaymentTrouble``.
  var lastError: String?
  var lastErrorAt: Date?
  var nextAttemptAt: Date?

  /// What the provider knows it by: the same for every attempt, after every crash.
  var reference: String { id.description }

  static let created = "CREATED"
  static let done = "DONE"
  static let failed = "FAILED"
  static let open = "OPEN"
  static let won = "WON"
  static let lost = "LOST"

  var isFinal: Bool { [Self.done, Self.failed, Self.won, Self.lost].contains(status) }
  /// Final without money moved: its amount can be refunded.
  var movedNothing: Bool { status == Self.failed || status == Self.won }
}

/// The body of `POST /payments/{id}/refund`.
struct NewRefund: Codable, Equatable, Sendable {
  static let maxReasonLength = 1000

  /// In minor units; nil: all that is left.
  var amount: Int64?
  var reason: String

  /// - Throws: ``ProblemError`` with every field that breaks a rule.
  init(_ fields: BodyFields) throws {
    var fields = fields
    amount = fields.integer("amount", in: NewPayment.amounts)
    reason = fields.text("reason", length: 0...Self.maxReasonLength) ?? ""
    try fields.finish()
  }
}
