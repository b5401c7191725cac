import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Compare our books with the provider's, now and then for ever: one such task is alive at a time.
struct ReconcilePayments: TaskPayload {
  static let taskType: TaskType = "payments.reconcile"

  static var unique: UniqueKey { UniqueKey("payments.reconcile") }
}

/// Compares our books with the provider's, stores the report, and comes back after the period.
///
/// It repairs nothing: what is behind is asked for by its own task anyway, and everything else is for a person, who sees
/// it in the metrics.
struct ReconcileHandler: TaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders
  let settings: UpkeepSettings

  func handle(_ payload: ReconcilePayments, context: TaskContext) async throws -> TaskOutcome {
    guard let period = settings.reconciliationPeriod else { return .completed }
    let now = Date()
    let window = now.addingTimeInterval(-(settings.reconciliationWindow / .seconds(1)))..<now
    let report = try await ReconciliationRun(database: client.pool, provider: providers.main).report(window)
    if !report.isClean {
      let counts = report.counts.reduce(into: Logger.Metadata()) { $0[$1.kind] = "\($1.count)" }
      context.logger.warning("books differ", metadata: counts)
    }
    let next = EnqueueOptions.with {
      $0.unique = ReconcilePayments.unique
      $0.schedule = .after(period)
    }
    // The report and the next run are one commit with this run's end.
    try await client.withCompletion(of: context) { transaction in
      try await ReconciliationStore.add(report, in: transaction)
      _ = try await client.enqueue(ReconcilePayments(), options: next, in: transaction)
    }
    return .settledInTransaction
  }
}
