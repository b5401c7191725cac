import Foundation
import Libpq
import Logging
import TaskQueue
import TaskQueuePostgres

/// Compare our books with a provider's.
struct ReconcilePayments: TaskPayload {
  static let taskType: TaskType = "payments.reconcile"

  /// Its name.
  var provider: String
}

/// Compares our books with the provider's, and stores the report.
///
/// It repairs nothing: what is behind is asked for by its own task anyway, and everything else is for a person, who sees
/// it in the metrics.
struct ReconcileHandler: TaskHandler {
  let client: TaskClient<PostgresTaskStore>
  let providers: PaymentProviders
  let settings: UpkeepSettings

  func handle(_ payload: ReconcilePayments, context: TaskContext) async throws -> TaskOutcome {
    // Its schedule may be another process's.
    guard settings.reconciliationPeriod != nil, let provider = try? providers.provider(payload.provider) else {
      return .completed
    }
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
    try await client.withCompletion(of: context) { transaction in
      try await ReconciliationStore.add(report, in: transaction)
    }
    return .settledInTransaction
  }
}
