import AsyncHTTPClient
import ChildProcesses
import Foundation
import Libpq
import NIOCore
import PaymentsExample

/// Compares what is left of a chaos run with what was promised.
struct ChaosAudit: Sendable {
  /// Comparisons of the books until they agree.
  static let maxComparisons = 40
  static let comparisonPause = Duration.seconds(1)
  private static let maxBookBytes = 256 << 20
  private static let pageSize = 1000

  let settings: ChaosSettings
  let tenants: [ChaosTenant]
  /// Of the providers.
  let urls: [String]
  let client: HTTPClient

  /// But those that are alive for ever.
  static let liveTasks = "taskqueue.task WHERE finished_at IS NULL"

  func report(_ tally: ChaosTally.Counts, kills: [Int], elapsed: Duration) async throws -> ChaosReport {
    var report = ChaosReport(payments: settings.allPayments, tally: tally, kills: kills, elapsed: elapsed)
    // What the providers do by themselves is over by then.
    try await Task.sleep(for: settings.occurrenceDelay * 4)
    report.reconciliation = 0
    for tenant in tenants { report.reconciliation = max(report.reconciliation, try await reconcile(tenant)) }
    var entries: [String: [ProviderLedgerEntry]] = [:]
    for url in urls {
      let books = try await self.books(url)
      report.callbacks.add(books.callbacks)
      report.fates.merge(books.fates, uniquingKeysWith: +)
      report.registered += books.payments.count
      report.executeRequests += books.payments.reduce(0) { $0 + $1.executeRequests }
      for entry in books.payments { entries[entry.reference, default: []].append(entry) }
    }
    for tenant in tenants {
      for payment in try await payments(tenant.pool) { report.add(payment, entries[payment.reference] ?? []) }
      try await addQueue(of: tenant.pool, to: &report)
      report.ledgerDifferences += try await LedgerStore.check(in: tenant.pool).count
      for provider in ChaosSettings.providers {
        let clearing = try await LedgerStore.clearing(of: provider, in: tenant.pool)
        report.clearingAccounts += clearing.count
        report.openClearingAccounts += clearing.count { !$0.amount.isZero }
      }
    }
    return report
  }

  private func payments(_ pool: LibpqPool) async throws -> [Payment] {
    var payments: [Payment] = []
    while true {
      let page = try await PaymentStore.list(after: payments.last?.id, limit: Self.pageSize, in: pool)
      payments += page
      if page.count < Self.pageSize { return payments }
    }
  }

  private func books(_ url: String) async throws -> ProviderBooks {
    let request = HTTPClientRequest(url: "\(url)/v1/ledger")
    let response = try await client.execute(request, timeout: .seconds(60))
    let body = try await response.body.collect(upTo: Self.maxBookBytes)
    return try JSONFormat.decoder().decode(ProviderBooks.self, from: Data(body.readableBytesView))
  }

  private func addQueue(of pool: LibpqPool, to report: inout ChaosReport) async throws {
    let result = try await pool.query(
      """
      SELECT (SELECT count(*) FROM \(Self.liveTasks)), (SELECT count(*) FROM taskqueue.dead_task),
        count(*), count(*) FILTER (WHERE state IN ('intended', 'unknown', 'parked')), count(*) FILTER (WHERE contradicted),
        coalesce(sum(calls), 0)::bigint, (SELECT count(*) FROM taskqueue.inbox_event),
        (SELECT count(*) FROM taskqueue.inbox_event e JOIN payments.payment p ON p.provider_id = e.subject AND p.provider = e.source WHERE e.is_pending)
      FROM taskqueue.effect
      """
    )
    let row = result[0]
    report.tasks += Int(try row.int8(0))
    report.deadLetters += Int(try row.int8(1))
    report.effects += Int(try row.int8(2))
    report.unsettledEffects += Int(try row.int8(3))
    report.contradictedEffects += Int(try row.int8(4))
    report.calls += Int(try row.int8(5))
    report.events += Int(try row.int8(6))
    report.forgottenEvents += Int(try row.int8(7))
  }

  /// The exit status of `payments reconcile`, asked again and again as a person does: it repairs what may be repaired.
  private func reconcile(_ tenant: ChaosTenant) async throws -> Int32 {
    let command = ChildCommand(
      try settings.program ?? ChildCommand.currentProgram(),
      [
        "reconcile", "--database-url", tenant.database, "--since", "24h", "--grace", "0s", "--repair", "--json",
        "--provider-timeout", DurationText.format(settings.providerTimeout),
      ] + ChaosSettings.providerOptions(urls)
    )
    var status = ReconciliationReport.ExitStatus.notCompared.rawValue
    for _ in 1...Self.maxComparisons {
      status = try await ChildProcess.run(command).exit.status ?? status
      if status == 0 { return status }
      try await Task.sleep(for: Self.comparisonPause)
    }
    return status
  }
}
