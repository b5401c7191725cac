import TaskQueue

/// Take the steps around a payment as far as they go now. Enqueued with a payment that has steps before it, and by the database
/// whenever such a payment, or its refund, becomes final (`P0004_saga.sql`).
struct RunSaga: TaskPayload {
  static let taskType: TaskType = "payment.saga"

  var paymentId: Int64

  /// One per payment at most, so forwards and backwards never meet.
  var options: EnqueueOptions {
    .with { $0.unique = UniqueKey("payment.saga:\(self.paymentId)", mode: .coalesce) }
  }
}
