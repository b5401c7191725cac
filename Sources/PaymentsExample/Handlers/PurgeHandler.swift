import Libpq
import Outbox
import TaskQueue
import TaskQueueHTTP
import TaskQueuePostgres

/// Delete what has expired, and fold what makes balances slow to read.
struct Purge: TaskPayload {
  static let taskType: TaskType = "payments.purge"
}

/// Purges page by page, so that no transaction is long.
struct PurgeHandler: TaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let settings: UpkeepSettings

  func handle(_ payload: Purge, context: TaskContext) async throws -> TaskOutcome {
    let inbox = CallbackInbox(store: client.store, retention: settings.callbackLifetime)
    while try await IdempotencyStore.payments.purge(in: client.pool) > 0 {}
    while try await inbox.purgeExpired() > 0 {}
    while try await client.purgeEffects(olderThan: settings.effectLifetime) > 0 {}
    // Less than a full batch isn't worth another call at once.
    while try await LedgerStore.fold(in: client.pool) >= LedgerStore.foldSize {}
    return .completed
  }
}
