import TaskQueue

/// Ask the provider where the payment stands, and have it executed if it waits for that.
struct CheckPayment: TaskPayload {
  static let taskType: TaskType = "payment.check"

  var paymentId: Int64

  /// One check task per payment at most. Who wants another pulls the existing one forward; one that runs runs once more.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.check:\(self.paymentId)", mode: .coalesce) }
  }
}
