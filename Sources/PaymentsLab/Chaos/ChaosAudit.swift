import AsyncHTTPClient
import ChildProcesses
import Foundation
import Libpq
import NIOCore
import PaymentsExample

/// Compares what is left of a chaos run with what was promised.
struct ChaosAudit: Sendable {
  /// Comparisons of the books that may end without an answer of the provider.
  static let maxComparisons = 20
  private static let maxBookBytes = 256 << 20
  private static let pageSize = 1000

  let settings: ChaosSettings
  let pool: LibpqPool
  let database: String
  let provider: String
  let client: HTTPClient

  func report(_ tally: ChaosTally.Counts, kills: [Int], elapsed: Duration) async throws -> ChaosReport {
    let books = try await self.books()
    let payments = try await self.payments()
    var report = ChaosReport(payments: settings.payments, tally: tally, kills: kills, elapsed: elapsed)
    report.callbacks = books.callbacks
    report.fates = books.fates
    report.registered = books.payments.count
    report.executeRequests = books.payments.reduce(0) { $0 + $1.executeRequests }
    let entries = Dictionary(grouping: books.payments, by: \.reference)
    for payment in payments {
      let own = entries[payment.reference] ?? []
      report.add(payment.status, executions: own.reduce(0) { $0 + $1.executions })
      let executed = own.filter { $0.executions > 0 }.map(\.id)
      if executed.contains(where: { $0 != payment.providerId }) { report.wronglyExecuted += 1 }
      if own.contains(where: { $0.amount != payment.amount }) {
        report.altered += 1
        if payment.stopReason != nil { report.stopped += 1 }
        if !executed.isEmpty { report.alteredExecuted += 1 }
      }
      report.orphans += own.count { $0.id != payment.providerId }
    }
    try await addQueue(to: &report)
    report.reconciliation = try await reconcile()
    report.ledgerDifferences = try await LedgerStore.check(in: pool).count
    let clearing = try await LedgerStore.clearing(in: pool)
    report.clearingAccounts = clearing.count
    report.openClearingAccounts = clearing.count { !$0.amount.isZero }
    return report
  }

  private func payments() async throws -> [Payment] {
    var payments: [Payment] = []
    while true {
      let page = try await PaymentStore.list(after: payments.last?.id, limit: Self.pageSize, in: pool)
      payments += page
      if page.count < Self.pageSize { return payments }
    }
  }

  private func books() async throws -> ProviderBooks {
    let request = HTTPClientRequest(url: "\(provider)/v1/ledger")
    let response = try await client.execute(request, timeout: .seconds(60))
    let body = try await response.body.collect(upTo: Self.maxBookBytes)
    return try JSONFormat.decoder().decode(ProviderBooks.self, from: Data(body.readableBytesView))
  }

  private func addQueue(to report: inout ChaosReport) async throws {
    let result = try await pool.query(
      """
      SELECT (SELECT count(*) FROM taskqueue.task WHERE finished_at IS NULL), (SELECT count(*) FROM taskqueue.dead_task),
        count(*), count(*) FILTER (WHERE state IN ('intended', 'unknown', 'parked')), count(*) FILTER (WHERE contradicted),
        coalesce(sum(calls), 0)::bigint, (SELECT count(*) FROM taskqueue.inbox_event),
        (SELECT count(*) FROM taskqueue.inbox_event WHERE is_pending AND subject IN (SELECT provider_id FROM payments.payment))
      FROM taskqueue.effect
      """
    )
    let row = result[0]
    report.tasks = Int(try row.int8(0))
    report.deadLetters = Int(try row.int8(1))
    report.effects = Int(try row.int8(2))
    report.unsettledEffects = Int(try row.int8(3))
    report.contradictedEffects = Int(try row.int8(4))
    report.calls = Int(try row.int8(5))
    report.events = Int(try row.int8(6))
    report.forgottenEvents = Int(try row.int8(7))
  }

  /// The exit status of `payments reconcile`.
  private func reconcile() async throws -> Int32 {
    let command = ChildCommand(
      try settings.program ?? ChildCommand.currentProgram(),
      [
        "reconcile", "--database-url", database, "--provider-url", provider, "--since", "24h", "--grace",
        "0s",
        "--provider-timeout", DurationText.format(settings.providerTimeout), "--json",
      ]
    )
    for _ in 1...Self.maxComparisons {
      let result = try await ChildProcess.run(command)
      if let status = result.exit.status, status != ReconciliationReport.ExitStatus.notCompared.rawValue {
        return status
      }
    }
    return ReconciliationReport.ExitStatus.notCompared.rawValue
  }
}
