import TaskQueueHTTP

/// What the inventory service says about the goods of an order.
package struct InventoryEvent: Codable, Equatable, Sendable {
  static let maxKeyLength = 255
  package static let maxStatusLength = 64
  /// The goods are there: the order can be paid. Unless other statuses are configured.
  package static let payingStatuses: Set<String> = ["COMPLETED"]

  /// The same in every delivery of one event.
  var idempotentKey: String
  var orderId: String
  var status: String
  /// What to pay, if the event says so; else the order is asked for.
  var userId: String?
  var amount: Int64?
  var currency: String?
  var description: String?

  private enum CodingKeys: String, CodingKey {
    case idempotentKey = "idempotent_key"
    case orderId = "order_id"
    case status
    case userId = "user_id"
    case amount, currency, description
  }

  /// Fields that aren't known here are passed over: the other service may add some.
  /// - Throws: ``ProblemError`` with every field that breaks a rule.
  init(_ tree: [String: JSONTree]) throws {
    var fields = BodyFields(tree)
    let key = fields.text("idempotent_key", length: 1...Self.maxKeyLength, isRequired: true)
    let order = fields.identifier("order_id", length: 1...NewPayment.maxIdLength, isRequired: true)
    let status = fields.text("status", length: 1...Self.maxStatusLength, isRequired: true)
    userId = fields.identifier("user_id", length: 1...NewPayment.maxIdLength)
    amount = fields.integer("amount", in: NewPayment.amounts)
    self.currency = fields.text("currency", length: 3...3)
    description = fields.text("description", length: 0...NewPayment.maxDescriptionLength)
    if let currency, Currency.exponent(currency) == nil {
      fields.report("currency", "must be a currency of ISO 4217 in capital letters")
    }
    try fields.finish(allowsOthers: true)
    guard let key, let order, let status else { throw ProblemError(.invalidFields) }
    idempotentKey = key
    orderId = order
    self.status = status
  }

  /// The terms that the event itself states; nil: it leaves some out.
  var terms: OrderTerms? {
    guard let userId, let amount, let currency else { return nil }
    return OrderTerms(userId: userId, amount: amount, currency: currency, description: description)
  }
}
