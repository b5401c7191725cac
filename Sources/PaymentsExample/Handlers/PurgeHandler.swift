import Libpq
import TaskQueue
import TaskQueuePostgres

/// Removes expired idempotency keys and forgotten callbacks, a bounded number at a time, and comes back: at once if there
/// is more, else after the period.
struct PurgeHandler: TaskHandler {
  let store: PostgresTaskStore
  let settings: UpkeepSettings

  func handle(_ payload: PurgeExpired, context: TaskContext) async throws -> TaskOutcome {
    let keys = try await IdempotencyStore.purge(in: self.store.pool)
    let callbacks = try await UnmatchedCallbacks.purge(olderThan: self.settings.callbackLifetime, in: self.store.pool)
    let hasMore = keys == IdempotencyStore.purgeBatch || callbacks == UnmatchedCallbacks.purgeBatch
    let next = EnqueueOptions.with {
      $0.unique = PurgeExpired.unique
      $0.schedule = hasMore ? .now : .after(self.settings.purgePeriod)
    }
    try await self.store.withCompletion(of: context) { transaction in
      _ = try await self.store.enqueue(PurgeExpired(), options: next, in: transaction)
    }
    return .completedInTransaction
  }
}
