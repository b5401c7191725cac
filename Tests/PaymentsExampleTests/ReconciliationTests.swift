import Foundation
import Libpq
import NIOHTTP1
import TaskQueue
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("Comparing the books")
struct ReconciliationTests {
  private let now = Date(timeIntervalSince1970: 1_000_000)

  private func payment(_ id: PaymentID, _ status: PaymentStatus, _ providerId: String?, age: Double = 3600) -> Payment {
    Payment(
      id: id,
      userId: "u",
      amount: 100,
      currency: "EUR",
      description: "",
      status: status,
      providerId: providerId,
      attempts: 1,
      createdAt: now.addingTimeInterval(-age),
      updatedAt: now.addingTimeInterval(-age)
    )
  }

  private func entry(_ id: String, _ payment: PaymentID, _ status: ProviderStatus) -> ProviderPayment {
    ProviderPayment(id: id, status: status, reference: payment.description, userId: "u", amount: 100, currency: "EUR")
  }

  private func compare(_ ours: [Payment], _ theirs: [ProviderPayment]) -> ReconciliationReport {
    Reconciliation(window: .distantPast..<now, now: now, grace: .seconds(60))
      .compare(ours: ours, theirs: theirs)
  }

  @Test("Books that agree are clean: final, on their way, never begun, and harmless orphans")
  func clean() {
    let report = compare(
      [
        payment(1, .done, "a"), payment(2, .cancelled, "b"), payment(3, .processing, "c"),
        payment(4, .initial, "d"), payment(5, .created, nil, age: 1), payment(6, .failed, nil),
        payment(7, .processing, "g", age: 1),
      ],
      [
        entry("a", 1, .done), entry("b", 2, .cancelled), entry("c", 3, .processing),
        entry("d", 4, .processing), entry("g", 7, .done), entry("a2", 1, .initial),
        entry("x", 99, .cancelled),
      ]
    )
    #expect(report.isClean)
    #expect(report.matched == 4)
    #expect(report.open == 3)
    #expect(report.count(.orphanedHarmless) == 2)
    #expect(report.repairs == [.drop("a2")])
  }

  @Test(
    "Each difference is called by its name",
    arguments: [
      (.missing, .done, nil, nil, .check(1)), (.missing, .processing, nil, nil, .check(1)),
      (.different, .done, .processing, nil, nil), (.different, .cancelled, .done, nil, .check(1)),
      (.different, .failed, .done, nil, .check(1)), (.different, .done, .initial, nil, nil),
      (.different, .cancelled, .processing, nil, nil), (.behind, .processing, .done, nil, .check(1)),
      (.behind, .initial, .cancelled, nil, .check(1)), (.behind, .cancelled, .initial, nil, .cancel(1)),
      (.orphanedExecuted, .done, .done, .done, nil), (.orphanedExecuted, .done, .done, .processing, nil),
    ]
      as [(
        ReconciliationReport.Kind, PaymentStatus, ProviderStatus?, ProviderStatus?, ReconciliationReport.Repair?
      )]
  )
  func differences(
    kind: ReconciliationReport.Kind,
    ours: PaymentStatus,
    theirs: ProviderStatus?,
    second: ProviderStatus?,
    repair: ReconciliationReport.Repair?
  ) {
    let entries = theirs.map { [entry("a", 1, $0)] } ?? []
    let report = compare([payment(1, ours, "a")], entries + (second.map { [entry("b", 1, $0)] } ?? []))
    #expect(!report.isClean)
    #expect(report.lines.map(\.kind) == [kind])
    #expect(report.repairs == (repair.map { [$0] } ?? []))
  }

  @Test("Another amount, currency, user or reference is a difference, and so is none")
  func amounts() {
    let changes: [(inout ProviderPayment) -> Void] = [
      { $0.amount = 101 }, { $0.currency = "USD" }, { $0.userId = "v" }, { $0.amount = nil },
      { $0.reference = PaymentID(number: 2).description },
    ]
    for change in changes {
      var entry = self.entry("a", 1, .done)
      change(&entry)
      #expect(compare([payment(1, .done, "a")], [entry]).lines.map(\.kind) == [.different])
    }
  }

  @Test("Books of a run with a bad provider agree; what is changed by hand is found, and what can be is repaired")
  func wholeRun() async throws {
    let faults = ProviderFaults(lostResponse: 0.3, processingTime: .milliseconds(20), honoursIdempotencyKeys: false)
    try await PaymentsFixture.with(faults) { fixture in
      let payments = try await fixture.finals(try await fixture.create(8))
      try await fixture.settle()
      let run = ReconciliationRun(database: fixture.store.pool, provider: PatientProvider(fixture.provider))
      let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
      let before = try await run.report(window, grace: .zero)
      #expect(before.isClean, "\(before.lines)")
      #expect(before.matched == 8)

      let orphan = try await PatientProvider(fixture.provider).create(
        ProviderPaymentRequest(
          reference: payments[0].reference,
          userId: payments[0].userId,
          amount: payments[0].amount,
          currency: payments[0].currency,
          description: ""
        ),
        idempotencyKey: "x"
      )
      // Under our reference, but nothing that we asked for: perhaps somebody else's.
      let stranger = try await PatientProvider(fixture.provider).create(
        ProviderPaymentRequest(
          reference: payments[0].reference,
          userId: "u",
          amount: 1,
          currency: "EUR",
          description: ""
        ),
        idempotencyKey: "y"
      )
      let pool = fixture.store.pool
      try await pool.executeScript("UPDATE payments.payment SET status = 'PROCESSING' WHERE id = '\(payments[1].id)'")
      try await pool.executeScript("UPDATE payments.payment SET amount = 7 WHERE id = '\(payments[2].id)'")
      try await pool.executeScript("UPDATE payments.payment SET provider_id = 'gone' WHERE id = '\(payments[3].id)'")
      let after = try await run.report(window, grace: .zero)
      #expect(after.count(.behind) == 1)
      #expect(after.count(.different) == 1)
      #expect(after.count(.missing) == 1)
      #expect(after.count(.orphanedExecuted) == 1, "what payment 4 was executed as")
      #expect(after.repairs.contains(.drop(orphan.id)))
      #expect(!after.repairs.contains(.drop(stranger.id)))
      let repair = ReconciliationRepair(client: fixture.app.client, provider: PatientProvider(fixture.provider))
      _ = try await repair.carryOut(after.repairs)
      try await eventually("payment 2 is looked at") {
        try await fixture.client.payment(payments[1].id).payment.status == .done
      }
      #expect(fixture.simulator.ledger.entry(id: orphan.id)?.status == .cancelled)
    }
  }

  @Test("A provider without a list is asked payment by payment")
  func withoutList() async throws {
    try await PaymentsFixture.with(ProviderFaults(processingTime: .milliseconds(20))) { fixture in
      _ = try await fixture.finals(try await fixture.create(10))
      let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
      let provider = PatientProvider(fixture.provider, capabilities: [])
      let report = try await ReconciliationRun(database: fixture.store.pool, provider: provider).report(window)
      #expect(report.isClean)
      #expect(report.matched == 10)
    }
  }

  @Test("What was created in the window and registered after it is asked for, and isn't missing")
  func registeredLater() async throws {
    try await PaymentsFixture.with(ProviderFaults(processingTime: .milliseconds(20)), works: false) { fixture in
      let payments = try await fixture.create(2)
      let window = Date().addingTimeInterval(-3600)..<Date()
      try await Task.sleep(for: .milliseconds(20))
      try await fixture.work { _ in
        _ = try await fixture.finals(payments)
        try await fixture.settle()
      }
      let report = try await ReconciliationRun(database: fixture.store.pool, provider: fixture.provider)
        .report(window, grace: .zero)
      #expect(report.isClean && report.matched == 2, "\(report.lines)")
    }
  }

  @Test("The periodic comparison stores its report, shows it as a metric, and comes back")
  func periodic() async throws {
    let settings = PaymentsFixture.settings {
      $0.upkeep = UpkeepSettings(purgePeriod: .seconds(1), reconciliationPeriod: .seconds(1))
    }
    try await PaymentsFixture.with(ProviderFaults(processingTime: .milliseconds(20)), settings: settings) { fixture in
      _ = try await fixture.finals(try await fixture.create(2))
      try await eventually("two comparisons have found both payments") {
        let count = try await fixture.store.pool.query("SELECT count(*) FROM payments.reconciliation")[0].int8(0)
        let last = try await ReconciliationStore.last(in: fixture.store.pool)
        return count >= 2 && last.first?.report.matched == 2
      }
      let metrics = String(decoding: try await fixture.send(.GET, "/metrics").body, as: UTF8.self)
      #expect(metrics.contains("payments_reconciliation{kind=\"matched\",provider=\"provider\"} 2\n"))
    }
  }

  @Test("A report survives its JSON, and its table says what differs")
  func report() throws {
    let report = compare([payment(1, .done, "a")], [])
    let data = try JSONFormat.encoder().encode(report)
    #expect(try JSONFormat.decoder().decode(ReconciliationReport.self, from: data).lines == report.lines)
    let lines = ReconciliationTable(report: report).lines
    #expect(lines.contains { $0.contains("missing") && $0.contains("unknown there") })
    #expect(lines.last == "The books differ.")
  }
}
