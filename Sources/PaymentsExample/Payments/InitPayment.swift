import TaskQueue

/// Register the payment at the provider. No money moves.
struct InitPayment: TaskPayload {
  static let taskType: TaskType = "payment.init"

  var paymentId: Int64

  /// One per payment at most, so that a repair can't double it.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.init:\(self.paymentId)", mode: .coalesce) }
  }
}
