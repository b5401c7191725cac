import TaskQueue

/// Tell the provider to drop its payment.
struct CancelPayment: TaskPayload {
  static let taskType: TaskType = "payment.cancel"

  var paymentId: Int64

  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.cancel:\(self.paymentId)", mode: .coalesce) }
  }
}
