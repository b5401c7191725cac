import Libpq
import TaskQueue
import TaskQueuePostgres

/// Sees to it that every waiting event has a task, page by page; comes back at once if there is more, else after the period.
///
/// An event is written together with its task. It loses it if a person cancels the task, or if the task is put aside because
/// it took down its worker too often.
struct TendOutboxHandler: TaskHandler {
  let store: PostgresTaskStore
  let settings: OutboxSettings

  func handle(_ payload: TendOutbox, context: TaskContext) async throws -> TaskOutcome {
    let waiting = try await OutboxStore.waiting(
      after: payload.after,
      longerThan: self.settings.recoveryAge,
      in: self.store.pool
    )
    let client = TaskClient(store: self.store)
    for payment in waiting {
      let publish = PublishEvents(paymentId: payment)
      try await client.enqueue(publish, options: publish.options)
    }
    let hasMore = waiting.count == OutboxStore.page
    let next = TendOutbox(after: hasMore ? waiting.last ?? 0 : 0)
    let options = TendOutbox.options(hasMore ? .now : .after(self.settings.upkeepPeriod))
    try await self.store.withCompletion(of: context) { transaction in
      _ = try await self.store.enqueue(next, options: options, in: transaction)
    }
    return .completedInTransaction
  }
}
