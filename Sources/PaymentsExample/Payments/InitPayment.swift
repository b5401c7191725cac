import TaskQueue

/// Register the payment at the provider. No money moves.
struct InitPayment: TaskPayload {
  static let taskType: TaskType = "payment.init"

  var paymentId: Int64
}
