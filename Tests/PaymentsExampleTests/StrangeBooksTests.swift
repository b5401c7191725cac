import Foundation
import Libpq
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample
@testable import PaymentsLab
@testable import payments

@Suite("Comparing books that can't be right, or can't be read")
struct StrangeBooksTests {
  private static let window = Date().addingTimeInterval(-3600)..<Date().addingTimeInterval(3600)

  /// So many payments that are DONE, and their ids at the provider.
  private static func with(
    _ count: Int,
    _ body: @escaping (PaymentsFixture, [Payment], [String]) async throws -> Void
  ) async throws {
    try await PaymentsFixture.with(ProviderFaults(processingTime: .milliseconds(20))) { fixture in
      let payments = try await fixture.finals(try await fixture.create(count))
      try await fixture.settle()
      try await body(fixture, payments, try payments.map { try #require($0.providerId) })
    }
  }

  private static func report(_ provider: MeddlingProvider, _ fixture: PaymentsFixture) async throws
    -> ReconciliationReport
  {
    try await ReconciliationRun(database: fixture.store.pool, provider: provider).report(window, grace: .zero)
  }

  private static func kinds(_ report: ReconciliationReport, _ payment: Payment) -> [String] {
    report.lines.filter { $0.paymentId == payment.id }.map(\.kind.rawValue)
  }

  @Test("What can't have been taken back has a row of its own, and no ledger has it")
  func impossible() async throws {
    try await Self.with(8) { fixture, payments, ids in
      var provider = MeddlingProvider(provider: fixture.provider)
      let sums: [Int64?] = [-5, 1251, 500, -1, 1400, 100, nil, nil]
      provider.shown = { entry in
        var entry = entry
        if let index = ids.firstIndex(of: entry.id) {
          entry.refunded = sums[index] ?? 0
          entry.disputed = index == 6 ? 7 : index == 7 ? 1300 : 0
        }
        return entry
      }
      let amounts: [Int: [Int64]] = [0: [-5], 1: [1251], 4: [700, 700], 5: [100]]
      provider.refunded = { id, _ in
        (amounts[try #require(ids.firstIndex(of: id))] ?? []).enumerated().map { index, amount in
          ProviderRefund(id: "\(id)_x\(index)", amount: amount, status: "DONE")
        }
      }
      provider.disputed = { id, _ in id == ids[7] ? [ProviderRefund(id: "d", amount: 1300, status: "LOST")] : [] }
      let report = try await Self.report(provider, fixture)
      for index in [0, 1, 2, 3] { #expect(Self.kinds(report, payments[index]) == ["refund-impossible"], "\(index)") }
      #expect(Self.kinds(report, payments[4]).contains("refund-impossible"))
      #expect(Self.kinds(report, payments[5]) == ["refund-unknown"], "the same of a possible amount")
      for index in [6, 7] { #expect(Self.kinds(report, payments[index]) == ["dispute-impossible"], "\(index)") }
      #expect(!report.isClean)
      let asked = report.repairs.compactMap { if case .check(let id) = $0 { id } else { nil } }
      #expect(Set(asked) == [payments[4].id, payments[5].id])
      // 8 payments, and the possible refunds.
      #expect(report.settled == 8 + 3)
      let details = report.lines.filter { $0.paymentId == payments[2].id }.map(\.detail)
      #expect(details.allSatisfy { $0.contains("500") }, "\(details)")
    }
  }

  @Test("An entry that can't be read hides no other one, if it has an id")
  func unreadableEntry() throws {
    let page = try JSONFormat.decoder().decode(
      ProviderPage.self,
      from: Data(
        """
        {"payments": [{"id": "a", "status": "DONE", "amount": 100.5}, {"id": "b", "status": "DONE", "amount": 100}, {"id": "c"},
          {"id": "d", "status": "DONE", "currency": 7}], "next": "n"}
        """.utf8
      )
    )
    #expect(page.payments.map(\.id) == ["a", "b", "c", "d"] && page.next == "n")
    #expect(
      page.payments.map(\.fault) == [
        "it can't be read", nil, "its status can't be read", "its currency can't be read",
      ]
    )
    #expect(throws: DecodingError.self) {
      try JSONFormat.decoder().decode(ProviderPage.self, from: Data(#"{"payments": [{"status": "DONE"}]}"#.utf8))
    }
  }

  @Test("A list that only seems to go on ends the comparison with an error", .timeLimit(.minutes(1)))
  func endless() async throws {
    try await Self.with(1) { fixture, _, _ in
      var provider = MeddlingProvider(provider: fixture.provider)
      provider.isEndless = true
      let endless = provider
      await #expect(throws: CommandError.self) { _ = try await Self.report(endless, fixture) }
    }
  }

  @Test("A refund and a dispute of one payment may have one id; two refunds may not")
  func oneId() async throws {
    try await Self.with(1) { fixture, payments, _ in
      func add(_ origin: String, _ status: String) async throws {
        try await fixture.store.pool.query(
          """
          INSERT INTO payments.refund (payment_id, amount, reason, status, provider_id, origin)
          VALUES ('\(payments[0].id)', 100, '', '\(status)', 's1', '\(origin)')
          """
        )
      }
      try await add("provider", "DONE")
      try await add("dispute", "OPEN")
      for (origin, status) in [("provider", "DONE"), ("caller", "CREATED"), ("dispute", "LOST")] {
        let error = await #expect(throws: LibpqError.self) { try await add(origin, status) }
        #expect(error?.sqlState == "23505", "\(origin)")
      }
      #expect(try await LedgerStore.check(in: fixture.store.pool).isEmpty)
    }
  }

  @Test("What can't be read of one payment is listed with its reason, and all others are compared")
  func unread() async throws {
    try await Self.with(3) { fixture, payments, ids in
      var provider = MeddlingProvider(provider: fixture.provider)
      let long = (0..<100_000).map { _ in String(Int.random(in: 0...9)) }.joined()
      provider.listed = { entries in
        let orphans = [
          ProviderPayment(id: long, status: .done, reference: "x", userId: "u", amount: 1, currency: "EUR"),
          ProviderPayment(id: "lower", status: .done, reference: "y", userId: "u", amount: 1, currency: "eur"),
          ProviderPayment(id: "nul\u{0}", status: .done, reference: "z", userId: "u", amount: 1, currency: "EUR"),
        ]
        return entries + orphans
      }
      provider.shown = { entry in
        var entry = entry
        entry.refunded = ids.contains(entry.id) ? 100 : 0
        return entry
      }
      provider.refunded = { id, _ in
        if id == ids[0] { throw ProviderError(code: .unexpectedStatus, call: "GET refunds", httpStatus: 500) }
        return [ProviderRefund(id: id == ids[1] ? long : "\(id)_r", amount: 100, status: "DONE")]
      }
      let report = try await Self.report(provider, fixture)
      #expect(Self.kinds(report, payments[0]) == ["not-compared"])
      #expect(report.lines.first { $0.paymentId == payments[0].id }?.detail.contains("HTTP status 500") == true)
      #expect(Self.kinds(report, payments[1]).contains("refund-impossible"))
      #expect(Self.kinds(report, payments[2]) == ["refund-unknown"])
      #expect(report.matched == 3, "the payments themselves")
      #expect(report.found["not-compared"] == 1 + 3)
      let lines = ReconciliationTable(report: report).lines
      #expect(lines.allSatisfy { $0.count < 1000 })
      #expect(lines.last == "Some could not be compared.")
      #expect(!lines.contains { $0.contains("orphaned") }, "only what there is")
    }
  }

  @Test("A provider that shows nothing of one payment is asked for the others; one that shows nothing at all fails")
  func withoutList() async throws {
    try await Self.with(3) { fixture, payments, ids in
      var provider = MeddlingProvider(provider: fixture.provider, capabilities: [])
      provider.shown = { entry in
        guard entry.id == ids[0] else { return entry }
        throw ProviderError(code: .unexpectedStatus, call: "GET payment", httpStatus: 500)
      }
      let report = try await Self.report(provider, fixture)
      #expect(Self.kinds(report, payments[0]) == ["not-compared"])
      #expect(report.matched == 2)
      // Nothing was sent: that says nothing about a payment.
      provider.shown = { _ in throw ProviderError.unsent("provider is left alone", .seconds(1)) }
      await #expect(throws: ProviderError.self) { try await Self.report(provider, fixture) }
    }
  }

  @Test("What a provider shows that ignores our reference is nobody's orphan")
  func ignoredReference() async throws {
    try await Self.with(2) { fixture, _, _ in
      var provider = MeddlingProvider(provider: fixture.provider, capabilities: [])
      provider.found = { _, own in
        [ProviderPayment(id: "theirs", status: .done, reference: "r", userId: "u", amount: 1, currency: "EUR")] + own
      }
      let report = try await Self.report(provider, fixture)
      #expect(report.isClean, "\(report.lines)")
      #expect(report.matched == 2)
    }
  }
}
