import ChildProcesses
import Foundation
import Libpq
import Synchronization
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("Comparing refunds and the clearing account")
struct LedgerReconciliationTests {
  private let now = Date(timeIntervalSince1970: 1_000_000)

  private func refund(_ status: String, _ providerId: String?, amount: Int64 = 30, age: Double = 3600) -> Refund {
    Refund(
      id: 7,
      paymentId: 1,
      amount: amount,
      reason: "",
      status: status,
      providerId: providerId,
      createdAt: now.addingTimeInterval(-age),
      updatedAt: now.addingTimeInterval(-age)
    )
  }

  private func compare(_ ours: [Refund], _ theirs: [ProviderRefund]) -> ReconciliationReport {
    let payment = Payment(
      id: 1,
      userId: "u",
      amount: 100,
      currency: "EUR",
      description: "",
      status: .done,
      providerId: "p",
      attempts: 1,
      createdAt: now,
      updatedAt: now
    )
    var report = ReconciliationReport(since: .distantPast, until: now)
    let refunds = PaymentRefunds(payment: payment, providerId: "p", currency: "EUR", ours: ours, theirs: theirs)
    Reconciliation(window: .distantPast..<now, now: now, grace: .seconds(60)).compare(refunds, &report)
    return report
  }

  private func entry(_ status: String, amount: Int64 = 30, id: String = "r", reference: String? = nil)
    -> ProviderRefund
  {
    ProviderRefund(id: id, reference: reference ?? RefundID(number: 7).description, amount: amount, status: status)
  }

  @Test("Each difference of a refund is called by its name, and what agrees or is on its way isn't one")
  func differences() {
    let cases: [(Refund?, ProviderRefund?, ReconciliationReport.Kind?)] = [
      (refund("DONE", "r"), entry("DONE"), nil), (refund("FAILED", nil), nil, nil),
      (refund("FAILED", "r"), entry("FAILED"), nil), (refund("CREATED", nil, age: 1), nil, nil),
      (refund("PROCESSING", "r"), entry("PROCESSING"), nil), (refund("PROCESSING", "r", age: 1), entry("DONE"), nil),
      (nil, entry("FAILED"), nil), (refund("DONE", "r"), nil, .refundMissing),
      (refund("PROCESSING", "r"), nil, .refundMissing),
      (refund("DONE", "r"), entry("DONE", amount: 31), .refundDifferent),
      (refund("DONE", "r"), entry("FAILED"), .refundDifferent),
      (refund("FAILED", "r"), entry("DONE"), .refundDifferent),
      (refund("DONE", "r"), entry("PROCESSING"), .refundDifferent),
      (refund("PROCESSING", "r"), entry("DONE"), .refundBehind), (refund("CREATED", nil), nil, .refundBehind),
      (refund("CREATED", nil), entry("DONE"), .refundBehind), (nil, entry("DONE"), .refundUnknown),
      (nil, entry("PROCESSING", reference: ""), .refundUnknown),
    ]
    for (ours, theirs, kind) in cases {
      let report = compare(ours.map { [$0] } ?? [], theirs.map { [$0] } ?? [])
      #expect(
        report.lines.map(\.kind) == (kind.map { [$0] } ?? []),
        "\(String(describing: ours)) \(String(describing: theirs))"
      )
      #expect(report.isClean == (kind == nil))
      let isAsked = kind != nil && ours?.isFinal == false
      // Taken over: what nobody here asked for, and what failed after it was DONE.
      let isTaken = kind == .refundUnknown || (ours?.status == "DONE" && theirs?.state == "FAILED")
      #expect(report.repairs == (isAsked ? [.refund(7)] : isTaken ? [.check(1)] : []))
    }
    // The second of the same reference is none of ours.
    let twice = compare([refund("DONE", "r")], [entry("DONE"), entry("DONE", id: "r2")])
    #expect(twice.lines.map(\.kind) == [.refundUnknown])
    #expect(twice.refundsMatched == 1)
  }

  @Test("Each difference of a dispute is called by its name; what can be taken over is looked at again")
  func disputes() {
    let cases: [(String, String?, ReconciliationReport.Kind?, isRepaired: Bool)] = [
      ("OPEN", "OPEN", nil, false), ("WON", "WON", nil, false), ("LOST", "LOST", nil, false),
      ("OPEN", nil, .disputeMissing, true), ("WON", nil, .disputeMissing, false),
      ("OPEN", "LOST", .disputeBehind, true),
      ("LOST", "WON", .disputeDifferent, true), ("WON", "LOST", .disputeDifferent, false),
      ("LOST", "under review", .disputeDifferent, false),
    ]
    for (ours, theirs, kind, isRepaired) in cases {
      var refund = refund(ours, "d")
      refund.origin = .dispute
      var entry = theirs.map { self.entry($0, id: "d", reference: "") }
      entry?.isDispute = true
      let report = compare([refund], entry.map { [$0] } ?? [])
      #expect(report.lines.map(\.kind) == (kind.map { [$0] } ?? []), "\(ours) \(theirs ?? "")")
      #expect(report.repairs == (isRepaired ? [.check(1)] : []), "\(ours) \(theirs ?? "")")
    }
  }

  @Test("Clearing ends at 0 once the books agree; refunds made at the provider, and what differs, are found")
  func wholeRun() async throws {
    let faults = ProviderFaults(lostResponse: 0.2, processingTime: .milliseconds(20), honoursIdempotencyKeys: false)
    try await PaymentsFixture.with(faults) { fixture in
      let payments = try await fixture.finals(try await fixture.create(6))
      for payment in payments.prefix(3) {
        let answer = try await fixture.post(
          "/payments/\(payment.id)/refund",
          #"{"amount":250}"#,
          key: "r-\(payment.id)"
        )
        #expect(answer.status == 202)
      }
      try await fixture.settle()
      let ledger = LedgerFixture(pool: fixture.store.pool)
      #expect(try await ledger.balances()["clearing:provider EUR"] == "\(6 * 1250 - 3 * 250)")
      let run = ReconciliationRun(database: fixture.store.pool, provider: PatientProvider(fixture.provider))
      let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
      let clean = try await run.report(window, grace: .zero)
      #expect(clean.isClean, "\(clean.lines)")
      #expect(clean.refundsMatched == 3)
      #expect(clean.settled == 9)
      #expect(clean.clearing.map(\.amount) == [.zero])
      #expect(try await ledger.balances()["payee EUR"] == "6750")
      #expect(try await run.report(window, grace: .zero).settled == 0)

      // At the provider, past us.
      let id = try #require(payments[3].providerId)
      fixture.simulator.state.withLock { _ = $0.ledger.refund(id: id, reference: "by hand", amount: 100) }
      let unknown = try await run.report(window, grace: .zero)
      #expect(unknown.lines.map(\.kind) == [.refundUnknown, .clearing])
      #expect(unknown.clearing.map(\.amount.rawValue) == ["100"])
      try await ledger.pool.executeScript(
        "UPDATE payments.refund SET amount = 251 WHERE id = (SELECT id FROM payments.refund ORDER BY id LIMIT 1)"
      )
      let different = try await run.report(window, grace: .zero)
      #expect(different.count(.refundDifferent) == 1)
      #expect(different.count(.ledger) == 1, "the refund isn't what was posted")
      let table = ReconciliationTable(report: different).lines
      #expect(table.contains { $0.contains("clearing:provider EUR") && $0.contains("1.00") })
    }
  }

  @Test("What is on its way isn't settled, so that clearing isn't ahead of our own books")
  func onItsWay() async throws {
    try await PaymentsFixture.with(works: false) { fixture in
      let payment = try await fixture.create(1)[0]
      let created = try await fixture.provider.create(
        ProviderPaymentRequest(
          reference: payment.reference,
          userId: payment.userId,
          amount: 1250,
          currency: "EUR",
          description: ""
        ),
        idempotencyKey: "x"
      )
      try await fixture.apply(.registered(id: created.id, .initial), to: payment)
      try await fixture.apply(.executionDue(round: 1), to: payment)
      fixture.simulator.state.withLock {
        _ = $0.ledger.execute(id: created.id, willCancel: false)
        _ = $0.ledger.finish(id: created.id)
      }
      let run = ReconciliationRun(database: fixture.store.pool, provider: fixture.provider)
      let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)
      let open = try await run.report(window)
      #expect(open.isClean, "\(open.lines)")
      #expect(open.settled == 0)
      let ledger = LedgerFixture(pool: fixture.store.pool)
      #expect(try await ledger.balances() == ["user:user-1 EUR": "-1250", "held:provider EUR": "1250"])
      try await fixture.apply(.reported(.done), to: payment)
      #expect(try await run.report(window).settled == 1)
      #expect(try await ledger.balances() == ["user:user-1 EUR": "-1250", "payee EUR": "1250"])
    }
  }

  @Test("payments ledger prints balances and postings, and ends with 1 if something is wrong", .database)
  func command() async throws {
    let database = try #require(TestDatabase.current)
    let pool = LibpqPool(database.postgresConfiguration, maxConnections: 1)
    try await PaymentMigrations.apply(to: pool)
    let ledger = LedgerFixture(pool: pool)
    let payment = try await ledger.pay(amount: 123_456)
    func run(_ arguments: [String] = []) async throws -> ChildProcess.Result {
      try await ChildProcess.run(
        ChildCommand(
          ChildCommand.built("payments"),
          ["ledger", "--database-url", database.connectionString] + arguments
        )
      )
    }
    let balances = try await run()
    #expect(balances.exit.status == 0)
    #expect(balances.output.contains("clearing:provider  EUR        1,234.56"), "\(balances.output)")
    #expect(balances.output.hasSuffix("The ledger is right.\n"))
    let postings = try await run(["--payment", payment])
    #expect(postings.exit.status == 0)
    #expect(["pending", "posted", "-1,234.56"].allSatisfy { postings.output.contains($0) }, "\(postings.output)")
    try await pool.executeScript(
      "SET session_replication_role = replica; DELETE FROM payments.entry WHERE position = 2"
    )
    let wrong = try await run()
    #expect(wrong.exit.status == 1)
    #expect(wrong.output.contains("transfer does not add up"))
    #expect(try await run(["--payment", "no id"]).exit.status == 2)
    await pool.close()
  }

  @Test(
    "Amounts are shown in the currency's major units",
    arguments: [
      ("EUR", 0, "0.00"), ("EUR", -5, "-0.05"), ("EUR", 123_456_789, "1,234,567.89"), ("JPY", -1234, "-1,234"),
      ("KWD", 12, "0.012"), ("EUR", Int64.min, "-92,233,720,368,547,758.08"),
    ] as [(String, Int64, String)]
  )
  func amounts(currency: String, amount: Int64, text: String) {
    #expect(MinorUnits(amount).text(currency) == text)
  }
}
