import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Compare our books with a provider's, now and then for ever: one such task is alive at a time for each provider.
struct ReconcilePayments: TaskPayload {
  static let taskType: TaskType = "payments.reconcile"
  static let taskDefaults = TaskDefaults<Self> { UniqueKey("payments.reconcile:\($0.provider)") }

  /// Its name.
  var provider: String
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
    // As often as it would be compared, this process says that it can't.
    guard let provider = try? providers.provider(payload.provider) else { return .snooze(period) }
    let now = Date()
    let window = now.addingTimeInterval(-(settings.reconciliationWindow / .seconds(1)))..<now
    let run = ReconciliationRun(database: client.pool, provider: provider, providerName: payload.provider)
    let report = try await run.report(window)
    if !report.isClean {
      let counts = report.counts.reduce(into: ["provider": "\(payload.provider)"] as Logger.Metadata) {
        $0[$1.kind] = "\($1.count)"
      }
      context.logger.warning("books differ", metadata: counts)
    }
    let next = EnqueueOptions.with { $0.schedule = .after(period) }
    // The report and the next run are one commit with this run's end.
    try await client.withCompletion(of: context) { transaction in
      try await ReconciliationStore.add(report, in: transaction)
      _ = try await client.enqueue(payload, options: next, in: transaction)
    }
    return .settledInTransaction
  }
}
