import TaskQueue

/// Have the provider pay money back.
struct RefundPayment: TaskPayload {
  static let taskType: TaskType = "payment.refund"

  var refundId: Int64

  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.refund:\(self.refundId)", mode: .coalesce) }
  }
}
