/// The body of `POST /payments/{id}/refund`.
struct NewRefund: Codable, Equatable, Sendable {
  static let maxReasonLength = 1000

  /// In minor units; nil: all that is left.
  var amount: Int64?
  var reason: String

  /// - Throws: ``ProblemError`` with every field that breaks a rule.
  init(_ fields: BodyFields) throws {
    var fields = fields
    self.amount = fields.integer("amount", in: NewPayment.amounts)
    self.reason = fields.text("reason", length: 0...Self.maxReasonLength) ?? ""
    try fields.finish()
  }
}
