import Libpq
import TaskQueue
import TaskQueuePostgres

/// Look for events that nobody publishes, now and then for ever: one such task is alive at a time.
struct TendOutbox: TaskPayload {
  static let taskType: TaskType = "payments.outbox"

  static func options(_ schedule: EnqueueOptions.Schedule) -> EnqueueOptions {
    .with {
      $0.queue = PublishEvents.queue
      $0.unique = UniqueKey("payments.outbox")
      $0.schedule = schedule
    }
  }

  /// Where the page before ended; nil: at the beginning.
  var after: PaymentID?
}

/// Sees to it that every waiting event has a task, page by page; comes back at once if there is more, else after the period.
///
/// An event is written together with its task. It loses it if a person cancels the task, or if the task is put aside because
/// it took down its worker too often.
struct TendOutboxHandler: TaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let settings: OutboxSettings

  func handle(_ payload: TendOutbox, context: TaskContext) async throws -> TaskOutcome {
    let waiting = try await OutboxStore.waiting(
      after: payload.after,
      longerThan: settings.recoveryAge,
      in: client.pool
    )
    let client = client
    for payment in waiting {
      let publish = PublishEvents(paymentId: payment)
      try await client.enqueue(publish, options: publish.options)
    }
    let hasMore = waiting.count == OutboxStore.page
    let next = TendOutbox(after: hasMore ? waiting.last : nil)
    let options = TendOutbox.options(hasMore ? .now : .after(settings.upkeepPeriod))
    try await client.withCompletion(of: context) { transaction in
      _ = try await client.enqueue(next, options: options, in: transaction)
    }
    return .settledInTransaction
  }
}
