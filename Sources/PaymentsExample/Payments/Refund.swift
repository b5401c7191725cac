import Foundation
import TaskQueueHTTP

/// Money that goes back, all of a payment or a part of it.
package struct Refund: Codable, Equatable, Sendable {
  var id: RefundID
  var paymentId: PaymentID
  /// In minor units of the payment's currency.
  var amount: Int64
  var reason: String
  /// CREATED, then what the provider says, at last DONE or FAILED.
  var status: String
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

  var isFinal: Bool { status == Self.done || status == Self.failed }
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
