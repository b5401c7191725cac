import Foundation
import Libpq
import Outbox
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("The ledger's postings")
struct LedgerPostingTests {
  @Test("Money is held, then moved or given back, and the provider's books take it out of clearing")
  func life() async throws {
    try await LedgerFixture.with { ledger in
      let (done, cancelled, failed) = (try await ledger.create(), try await ledger.create(), try await ledger.create())
      #expect(try await ledger.balances().isEmpty)
      for payment in [done, cancelled] { try await ledger.hold(payment) }
      #expect(try await ledger.balances() == ["user:u EUR": "-200", "held:provider EUR": "200"])
      try await ledger.finish(done)
      try await ledger.finish(cancelled, "CANCELLED")
      try await ledger.finish(failed, "FAILED")
      #expect(try await ledger.balances() == ["user:u EUR": "-100", "clearing:provider EUR": "100"])
      #expect(try await ledger.phases(done) == ["pending", "posted"])
      #expect(try await ledger.phases(cancelled) == ["pending", "voided"])
      #expect(try await ledger.phases(failed).isEmpty)
      let entry = BookEntry(book: "payment:p1", paymentId: done, currency: "EUR", amount: 100)
      #expect(try await LedgerStore.settle([entry], in: ledger.pool) == 1)
      #expect(try await LedgerStore.settle([entry], in: ledger.pool) == 0, "once")
      #expect(try await ledger.balances() == ["user:u EUR": "-100", "payee EUR": "100"])
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("What the provider's books correct later, clearing gets; what they say otherwise, stays in it")
  func corrections() async throws {
    try await LedgerFixture.with { ledger in
      let payment = try await ledger.pay()
      for (said, left) in [(90, "10"), (120, "-20"), (0, "100"), (100, nil)] as [(Int64, String?)] {
        let entry = BookEntry(book: "payment:p", paymentId: payment, currency: "EUR", amount: said)
        _ = try await LedgerStore.settle([entry], in: ledger.pool)
        #expect(try await ledger.balances()["clearing:provider EUR"] == left)
        let clearing = try await LedgerStore.clearing(in: ledger.pool)
        #expect(clearing.map(\.differing) == [left == nil ? 0 : 1])
      }
      // Two that are off by the same amount are two differences, though the account stands at 0.
      for (number, said) in [(1, 99), (2, 101)] as [(Int, Int64)] {
        let other = try await ledger.pay("v")
        let entry = BookEntry(book: "payment:q\(number)", paymentId: other, currency: "EUR", amount: said)
        _ = try await LedgerStore.settle([entry], in: ledger.pool)
      }
      let clearing = try await LedgerStore.clearing(in: ledger.pool)
      #expect(clearing.map(\.difference) == [.zero])
      #expect(clearing.map(\.differing) == [2])
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("A refund goes the same way back, and one that fails late is taken back")
  func refunds() async throws {
    try await LedgerFixture.with { ledger in
      let payment = try await ledger.pay()
      let book = [BookEntry(book: "payment:p", paymentId: payment, currency: "EUR", amount: 100)]
      _ = try await LedgerStore.settle(book, in: ledger.pool)
      let (part, failed) = (try await ledger.refund(payment, amount: 30), try await ledger.refund(payment, amount: 70))
      #expect(
        try await ledger.balances() == ["user:u EUR": "-100", "held:provider EUR": "100"],
        "what is to come back is held from the payee"
      )
      try await ledger.finish(refund: part)
      try await ledger.finish(refund: failed, "FAILED")
      #expect(
        try await ledger.balances() == ["user:u EUR": "-70", "clearing:provider EUR": "-30", "payee EUR": "100"]
      )
      let back = [BookEntry(book: "refund:r", paymentId: payment, refundId: part, currency: "EUR", amount: -30)]
      _ = try await LedgerStore.settle(back, in: ledger.pool)
      #expect(try await ledger.balances() == ["user:u EUR": "-70", "payee EUR": "70"])
      try await ledger.finish(refund: part, "FAILED")
      let returned = [BookEntry(book: "refund:r", paymentId: payment, refundId: part, currency: "EUR", amount: 0)]
      _ = try await LedgerStore.settle(returned, in: ledger.pool)
      #expect(try await ledger.balances() == ["user:u EUR": "-100", "payee EUR": "100"])
      #expect(try await ledger.check().isEmpty)
      _ = try await ledger.refund(payment, amount: 100)
    }
  }

  @Test("Refunds of more than the payment are refused, also when two sessions refund at once")
  func refundLimit() async throws {
    try await LedgerFixture.with { ledger in
      for _ in 1...10 {
        let payment = try await ledger.pay()
        #expect(await ledger.refusal(Self.refund(payment, 101)) == "23514")
        async let first = ledger.refusal(Self.refund(payment, 60))
        async let second = ledger.refusal(Self.refund(payment, 60))
        let refusals = await [first, second]
        #expect(refusals.count { $0 == nil } == 1, "\(refusals)")
        #expect(refusals.contains("23514"))
      }
      #expect(try await ledger.check().isEmpty)
    }
  }

  private static func refund(_ payment: String, _ amount: Int) -> String {
    "INSERT INTO payments.refund (payment_id, amount, reason) VALUES ('\(payment)', \(amount), '')"
  }

  @Test("Each currency has books of its own")
  func currencies() async throws {
    try await LedgerFixture.with { ledger in
      for currency in ["EUR", "JPY", "EUR"] { _ = try await ledger.pay(amount: 5, currency: currency) }
      #expect(
        try await ledger.balances() == [
          "user:u EUR": "-10", "user:u JPY": "-5", "clearing:provider EUR": "10", "clearing:provider JPY": "5",
        ]
      )
      #expect(try await LedgerStore.sums(in: ledger.pool).map(\.amount) == [.zero, .zero])
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("Amounts up to the end of bigint are held, and their sums go beyond it")
  func largeAmounts() async throws {
    try await LedgerFixture.with { ledger in
      for _ in 1...3 { _ = try await ledger.pay(amount: .max) }
      let balances = ["user:u EUR": "-27670116110564327421", "clearing:provider EUR": "27670116110564327421"]
      #expect(try await ledger.balances() == balances)
      _ = try await LedgerStore.fold(in: ledger.pool)
      #expect(try await ledger.balances() == balances)
      #expect(try await ledger.check().isEmpty)
      #expect(try await LedgerStore.clearing(in: ledger.pool).map(\.unconfirmed.rawValue) == ["27670116110564327421"])
    }
  }

  @Test("The postings keep to the amount that was held, and a payment that is changed by hand shows")
  func changedByHand() async throws {
    try await LedgerFixture.with { ledger in
      let payment = try await ledger.create()
      try await ledger.hold(payment)
      _ = try await ledger.pool.query("UPDATE payments.payment SET amount = 7 WHERE id = $1", [.unknown(payment)])
      #expect(try await ledger.check().count == 1)
      try await ledger.finish(payment)
      #expect(try await ledger.balances() == ["user:u EUR": "-100", "clearing:provider EUR": "100"])
      #expect(try await ledger.check().map(\.subject) == ["payment \(payment)"])
      // A look at a window sees what is in it.
      let (before, after) = (Date(timeIntervalSinceNow: -3600), Date(timeIntervalSinceNow: 3600))
      #expect(try await LedgerStore.check(since: before, in: ledger.pool).count == 1)
      #expect(try await LedgerStore.check(since: after, in: ledger.pool).isEmpty)
      let (seen, unseen) = (
        try await LedgerStore.clearing(since: before, in: ledger.pool),
        try await LedgerStore.clearing(since: after, in: ledger.pool)
      )
      #expect(seen.map(\.unconfirmed.rawValue) == ["100"])
      #expect(unseen.map(\.earlier.rawValue) == ["100"])
      #expect(unseen.map(\.unconfirmed) == [.zero])
    }
  }

  @Test("Triggers post what payments.ledger_end says of a payment's last word, and call no function to find out")
  func triggers() async throws {
    try await LedgerFixture.with { ledger in
      for status in ["DONE", "CANCELLED", "FAILED", "RETURNED", "WON", "LOST", "PROCESSING", "OPEN"] {
        // What ends a dispute ends no payment.
        let end =
          ["WON", "LOST"].contains(status)
          ? nil : try await ledger.pool.query("SELECT payments.ledger_end($1)", [.text(status)])[0].optionalText(0)
        let held = try await ledger.create()
        try await ledger.hold(held)
        try await ledger.finish(held, status)
        let phases = ["pending", end == "reversed" ? "posted" : nil, end].compactMap { $0 }
        #expect(try await ledger.phases(held) == phases, "\(status)")
        let unheld = try await ledger.create()
        try await ledger.finish(unheld, status)
        #expect(try await ledger.phases(unheld) == (end == nil || end == "voided" ? [] : phases), "\(status)")
      }
      // Functions would be parsed with each statement.
      let calls = try await ledger.pool.query(
        """
        SELECT tgname::text FROM pg_trigger
        WHERE tgrelid = 'payments.payment'::regclass AND pg_get_triggerdef(oid) ~ 'WHEN .*payments[.].*EXECUTE'
        """
      )
      #expect(try calls.rows.map { try $0.text(0) } == [])
    }
  }

  @Test("Rows that were there before the ledger get opening postings", .database)
  func opening() async throws {
    let pool = LibpqPool(try #require(TestDatabase.current).postgresConfiguration, maxConnections: 2)
    for script in [
      PackageResources.P0001_payments_sql, PackageResources.P0002_api_sql, PackageResources.P0003_effects_sql,
      PackageResources.P0004_saga_sql,
    ] { try await pool.executeScript(String(decoding: script, as: UTF8.self)) }
    try await EventOutbox.payments.migrate(pool)
    try await pool.executeScript(
      """
      INSERT INTO payments.payment (user_id, amount, currency, description, status, execution_requested_at) VALUES
        ('a', 100, 'EUR', '', 'DONE', now()), ('a', 20, 'EUR', '', 'PROCESSING', now()), ('b', 3, 'EUR', '', 'CANCELLED', now()),
        ('b', 4, 'USD', '', 'CREATED', NULL), ('b', 5, 'USD', '', 'DONE', NULL), ('b', 6, 'USD', '', 'FAILED', NULL);
      INSERT INTO payments.refund (payment_id, amount, reason, status)
        SELECT p.id, r.amount, '', r.status
        FROM payments.payment p, (VALUES (10, 'DONE'), (20, 'FAILED'), (30, 'CREATED')) r (amount, status)
        WHERE p.amount = 100;
      """
    )
    try await PaymentMigrations.apply(to: pool)
    let ledger = LedgerFixture(pool: pool)
    #expect(
      try await ledger.balances() == [
        "user:a EUR": "-110", "clearing:provider EUR": "90", "held:provider EUR": "50", "payee EUR": "-30",
        "user:b USD": "-5", "clearing:provider USD": "5",
      ]
    )
    #expect(try await ledger.check().isEmpty)
    #expect(try await pool.query("SELECT bool_and(is_opening) FROM payments.transfer")[0].bool(0))
    // And they go on from there.
    try await pool.executeScript("UPDATE payments.payment SET status = 'DONE' WHERE status = 'PROCESSING'")
    try await pool.executeScript("UPDATE payments.refund SET status = 'DONE' WHERE status = 'CREATED'")
    #expect(try await ledger.balances()["clearing:provider EUR"] == "80")
    #expect(try await ledger.check().isEmpty)
    await pool.close()
  }
}
