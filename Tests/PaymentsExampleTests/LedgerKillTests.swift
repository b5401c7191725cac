import Foundation
import Synchronization
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab

@Suite("The ledger and dying processes", .serialized)
struct LedgerKillTests {
  private static let payments = 24

  @Test("Whenever serve is killed, the ledger is right, seen by another session; at the end clearing is 0")
  func killed() async throws {
    let faults = ProviderFaults(errorAfterWork: 0.1, lostResponse: 0.1, processingTime: .milliseconds(20))
    try await KillFixture.with(faults) { fixture in
      try await PaymentMigrations.apply(to: fixture.store.pool)
      let tally = ChaosTally()
      let watch = LedgerWatch(pool: fixture.store.pool, tally: tally)
      try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await watch.run() }
        var process = try fixture.serve([])
        let api = try await fixture.api(process)
        for number in 1...Self.payments {
          _ = try await api.create(PaymentsFixture.newPayment(number), idempotencyKey: "k\(number)")
        }
        for round in 1...4 {
          try await Task.sleep(for: .milliseconds(60 * round))
          _ = await process.killAndWait()
          #expect(try await LedgerStore.check(in: fixture.store.pool).isEmpty)
          process = try fixture.serve([])
          _ = try await process.port()
        }
        try await fixture.settle()
        await process.stop()
        group.cancelAll()
        while await group.nextResult() != nil {}
      }
      #expect(tally.counts.ledgerLooks > 0)
      #expect(tally.counts.ledgerDifferences == 0)
      let provider = PatientProvider(ProviderClient(client: fixture.client, baseURL: fixture.providerURL))
      let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
      let report = try await ReconciliationRun(database: fixture.store.pool, provider: provider)
        .report(window, grace: .zero)
      #expect(report.isClean, "\(report.lines)")
      #expect(report.matched == Self.payments)
      #expect(report.clearing.map(\.amount) == [.zero])
    }
  }
}
