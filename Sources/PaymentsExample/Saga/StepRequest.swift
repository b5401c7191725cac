/// What a service gets to know of a payment. The same in every attempt.
package struct StepRequest: Codable, Equatable, Sendable {
  package var step: StepName
  /// Our payment's id as the provider has it.
  package var reference: String
  package var userId: String
  package var orderId: String?
  /// In minor units.
  package var amount: Int64
  package var currency: String
  package var description: String

  package init(_ step: StepName, _ payment: Payment) {
    self.step = step
    reference = payment.reference
    userId = payment.userId
    orderId = payment.orderId
    amount = payment.amount
    currency = payment.currency
    description = payment.description
  }

  /// The same for every attempt and every task, after every crash.
  package var key: String { "payment-\(reference)-\(step.rawValue)" }
}
