import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Compares our books with the provider's, stores the report, and comes back after the period.
///
/// It repairs nothing: what is behind is asked for by its own task anyway, and everything else is for a person, who sees
/// it in the metrics.
struct ReconcileHandler: TaskHandler {
  let store: PostgresTaskStore
  let provider: any PaymentProvider
  let settings: UpkeepSettings

  func handle(_ payload: ReconcilePayments, context: TaskContext) async throws -> TaskOutcome {
    guard let period = self.settings.reconciliationPeriod else { return .completed }
    let now = Date()
    let window = now.addingTimeInterval(-(self.settings.reconciliationWindow / .seconds(1)))..<now
    let report = try await ReconciliationRun(database: self.store.pool, provider: self.provider).report(window)
    if !report.isClean {
      let counts = report.counts.reduce(into: Logger.Metadata()) { $0[$1.kind] = "\($1.count)" }
      context.logger.warning("books differ", metadata: counts)
    }
    let next = EnqueueOptions.with {
      $0.unique = ReconcilePayments.unique
      $0.schedule = .after(period)
    }
    // The report and the next run are one commit with this run's end.
    try await self.store.withCompletion(of: context) { transaction in
      try await ReconciliationStore.add(report, in: transaction)
      _ = try await self.store.enqueue(ReconcilePayments(), options: next, in: transaction)
    }
    return .completedInTransaction
  }
}
