/// What a service gets to know of a payment. The same in every attempt.
struct StepRequest: Codable, Equatable, Sendable {
  var step: StepName
  /// Our payment's id as the provider has it.
  var reference: String
  var userId: String
  var orderId: String?
  /// In minor units.
  var amount: Int64
  var currency: String
  var description: String

  init(_ step: StepName, _ payment: Payment) {
    self.step = step
    self.reference = payment.reference
    self.userId = payment.userId
    self.orderId = payment.orderId
    self.amount = payment.amount
    self.currency = payment.currency
    self.description = payment.description
  }

  /// The same for every attempt and every task, after every crash.
  var key: String { "payment-\(self.reference)-\(self.step.rawValue)" }
}
