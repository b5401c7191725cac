/// What the demo's screen knows about one payment.
struct DemoLine: Equatable, Sendable {
  var paymentId: Int64
  /// In minor units.
  var amount: Int64
  var currency: String
  var status = PaymentStatus.created
  var attempts = 0
  /// How often money moved for it, by the provider's books.
  var executions = 0
  /// The worker process that works on it right now.
  var worker: String?

  /// Money moved exactly once and both know it; or it was cancelled and none moved.
  var isRight: Bool {
    (self.status == .done && self.executions == 1) || (self.status == .cancelled && self.executions == 0)
  }

  var amountText: String {
    let cents = self.amount % 100
    return "\(self.amount / 100).\(cents < 10 ? "0" : "")\(cents) \(self.currency)"
  }
}
