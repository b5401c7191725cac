import TaskQueue

/// Publish what waits of a payment's events, in order. Enqueued by the database, in the transaction that writes an event
/// (`P0004_saga.sql`).
struct PublishEvents: TaskPayload {
  static let taskType: TaskType = "payment.publish"
  /// A lane of its own: receivers that stall hold up no payment.
  static let queue: QueueName = "outbox"

  var paymentId: Int64

  /// For who doesn't know of a new event: leaves an existing task, and its backoff, alone.
  var options: EnqueueOptions {
    .with {
      $0.queue = Self.queue
      $0.unique = UniqueKey("payment.publish:\(self.paymentId)", mode: .keepExisting)
    }
  }
}
