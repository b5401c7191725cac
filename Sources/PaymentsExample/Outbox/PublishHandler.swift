import Libpq
import TaskQueue
import TaskQueuePostgres

/// Publish what waits of a payment's events, in order. Enqueued by the database, in the transaction that writes an event
/// (`P0004_saga.sql`).
struct PublishEvents: TaskPayload {
  static let taskType: TaskType = "payment.publish"
  /// A lane of its own: receivers that stall hold up no payment.
  static let queue: QueueName = "outbox"

  var paymentId: PaymentID

  /// For who doesn't know of a new event: leaves an existing task, and its backoff, alone.
  var options: EnqueueOptions {
    .with {
      $0.queue = Self.queue
      $0.unique = UniqueKey("payment.publish:\(paymentId)", mode: .keepExisting)
    }
  }
}

/// Publishes the events of one payment, oldest first, each only after the one before was acknowledged.
///
/// At least once: an event is marked after its acknowledgement, so a crash between the two publishes it again, under the
/// same id. In order: there is one such task per payment; should two attempts overlap (a lease was lost), what the late one
/// repeats was acknowledged before, so the first arrivals are in order all the same. A payment whose event nobody takes waits
/// by itself, by its own task's backoff, and holds up no other.
struct PublishHandler: TaskHandler {
  /// Published by one attempt.
  static let batch = 100

  let client: TaskClient<PostgresTaskStore>
  let settings: OutboxSettings

  func handle(_ payload: PublishEvents, context: TaskContext) async throws -> TaskOutcome {
    let events = try await OutboxStore.unpublished(payload.paymentId, limit: Self.batch, in: client.pool)
    for event in events {
      try await settings.transport.publish(CloudEvent(event, source: settings.source))
      try await OutboxStore.markPublished(event, in: client.pool)
    }
    return events.count < Self.batch ? .completed : .again(after: .zero)
  }
}
