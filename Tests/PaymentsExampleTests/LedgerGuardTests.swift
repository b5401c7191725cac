import Libpq
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

@Suite("What the ledger refuses")
struct LedgerGuardTests {
  /// A hold of a payment as direct SQL; `entries` are (position, account code, amount).
  private static func transfer(_ payment: String, _ entries: String) -> String {
    """
    WITH head AS (
      INSERT INTO payments.transfer (payment_id, phase) VALUES ('\(payment)', 'pending') RETURNING id
    )
    INSERT INTO payments.entry (transfer_id, position, account_id, amount)
    SELECT head.id, e.position, (SELECT id FROM payments.account WHERE code = e.code AND currency = e.currency), e.amount
    FROM head, (VALUES \(entries)) e (position, code, currency, amount)
    """
  }

  @Test("The account of a user whose id has a slash is not that of a caller's user")
  func accounts() async throws {
    try await LedgerFixture.with { ledger in
      _ = try await ledger.pay("shop/u1")
      let payment = try await ledger.create("u1")
      _ = try await ledger.pool.query(
        LibpqStatement("UPDATE payments.payment SET caller = 'shop' WHERE id = '\(payment)'")
      )
      try await ledger.hold(payment)
      let balances = try await ledger.balances()
      #expect(balances["user:/shop/u1 EUR"] == "-100" && balances["user:shop/u1 EUR"] == "-100", "\(balances)")
    }
  }

  @Test("A transfer that doesn't add up can't be committed")
  func unbalanced() async throws {
    try await LedgerFixture.with { ledger in
      for currency in ["EUR", "USD"] { _ = try await ledger.pay(currency: currency) }
      let payment = try await ledger.create()
      let refused = [
        "(1, 'user:u', 'EUR', -100), (2, 'clearing:provider', 'EUR', 99)": "23514",
        "(1, 'user:u', 'EUR', -100)": "23514",
        // 0 in all, and wrong in both currencies.
        "(1, 'user:u', 'EUR', -100), (2, 'clearing:provider', 'USD', 100)": "23514",
        "(1, 'user:u', 'EUR', -100), (2, 'nobody', 'EUR', 100)": "23502",
        "(1, 'user:u', 'EUR', 0), (2, 'clearing:provider', 'EUR', 0)": "23514",
        "(1, 'user:u', 'EUR', -9223372036854775808), (2, 'clearing:provider', 'EUR', 9223372036854775807)": "23514",
        "(1, 'user:u', 'EUR', 9223372036854775807), (2, 'clearing:provider', 'EUR', 9223372036854775807)": "23514",
      ]
      for (entries, state) in refused {
        #expect(await ledger.refusal(Self.transfer(payment, entries)) == state, "\(entries)")
      }
      // Not even for a moment that is mended before the commit, and not by entries that are added later.
      let late = "INSERT INTO payments.entry SELECT transfer_id, 3, account_id, 1 FROM payments.entry LIMIT 1"
      #expect(await ledger.refusal(late) == "23514")
      let stray =
        "INSERT INTO payments.entry SELECT 0, position, account_id, amount FROM payments.entry WHERE transfer_id = 1"
      #expect(await ledger.refusal(stray) == "23514")
      let good = Self.transfer(payment, "(1, 'user:u', 'EUR', -100), (2, 'held:provider', 'EUR', 100)")
      #expect(await ledger.refusal(good) == nil)
      #expect(await ledger.refusal(good) == "23505", "one hold for each payment")
      #expect(try await ledger.check().count == 1, "a hold that nobody asked for")
    }
  }

  @Test("At the commit a transfer has entries and follows what it ends")
  func incomplete() async throws {
    try await LedgerFixture.with { ledger in
      let (first, second) = (try await ledger.create(), try await ledger.create())
      for payment in [first, second] { try await ledger.hold(payment) }
      let empty = "INSERT INTO payments.transfer (payment_id, phase) VALUES ('\(first)', 'settled')"
      #expect(await ledger.refusal(empty) == "23514", "without a book")
      let holds = try await ledger.pool.query("SELECT id FROM payments.transfer ORDER BY id").rows.map {
        try $0.int8(0)
      }
      func end(_ payment: String, _ phase: String, _ follows: Int64, entries: Bool = true) -> String {
        """
        WITH head AS (
          INSERT INTO payments.transfer (payment_id, phase, follows) VALUES ('\(payment)', '\(phase)', \(follows)) RETURNING id
        )
        INSERT INTO payments.entry SELECT head.id, e.position, e.account_id, -e.amount FROM head, payments.entry e
        WHERE e.transfer_id = \(follows) AND \(entries)
        """
      }
      #expect(await ledger.refusal(end(first, "voided", holds[0], entries: false)) == "23514")
      #expect(await ledger.refusal(end(first, "voided", holds[1])) == "23514", "another payment's")
      #expect(await ledger.refusal(end(first, "reversed", holds[0])) == "23514", "a hold isn't reversed")
      #expect(await ledger.refusal(end(first, "voided", 99)) == "23514")
      #expect(await ledger.refusal(end(first, "voided", holds[0])) == nil)
      #expect(await ledger.refusal(end(first, "voided", holds[0])) == "23505")
    }
  }

  @Test("Nothing is changed, deleted or emptied", arguments: ["account", "transfer", "entry"])
  func insertOnly(table: String) async throws {
    try await LedgerFixture.with { ledger in
      _ = try await ledger.pay()
      for sql in Self.changes(table) { #expect(await ledger.refusal(sql) == "23001", "\(sql)") }
      #expect(try await ledger.check().isEmpty)
      #expect(try await ledger.balances().count == 2)
    }
  }

  private static func changes(_ table: String) -> [String] {
    let column = ["account": "created_at = now()", "transfer": "at = now()", "entry": "amount = -amount"][table] ?? ""
    return [
      "UPDATE payments.\(table) SET \(column)", "UPDATE payments.\(table) SET \(column) WHERE false",
      "DELETE FROM payments.\(table)", "TRUNCATE payments.\(table) CASCADE",
    ]
  }

  @Test("The owner has no right to change it either; taking the right back isn't enough", .database)
  func privileges() async throws {
    let database = try #require(TestDatabase.current)
    let pool = LibpqPool(database.postgresConfiguration, maxConnections: 1)
    let owner = "owner_of_\(database.name)"
    try await pool.executeScript(
      """
      CREATE ROLE \(owner); GRANT CREATE ON DATABASE "\(database.name)" TO \(owner);
      GRANT USAGE ON SCHEMA taskqueue TO \(owner); GRANT ALL ON ALL TABLES IN SCHEMA taskqueue TO \(owner);
      SET ROLE \(owner)
      """
    )
    try await PaymentMigrations.apply(to: pool)
    let ledger = LedgerFixture(pool: pool)
    _ = try await ledger.pay()
    for table in ["account", "transfer", "entry"] {
      for sql in Self.changes(table) { #expect(await ledger.refusal(sql) == "42501", "\(sql)") }
      try await pool.executeScript("GRANT ALL ON payments.\(table) TO \(owner)")
      for sql in Self.changes(table) { #expect(await ledger.refusal(sql) == "23001", "\(sql)") }
    }
    #expect(try await ledger.check().isEmpty)
    try await pool.executeScript("RESET ROLE; DROP OWNED BY \(owner) CASCADE; DROP ROLE \(owner)")
    await pool.close()
  }

  @Test("A hold ends once, however two sessions end it at the same time")
  func doubleEnds() async throws {
    try await LedgerFixture.with { ledger in
      for round in 0..<20 {
        let payment = try await ledger.create()
        try await ledger.hold(payment)
        let hold = try await LedgerStore.postings(of: payment, in: ledger.pool)[0].transfer
        // Directly, past the payment's lock: posted and posted, posted and voided, voided and voided.
        let targets = [("clearing:provider", "posted"), ("user:u", "voided")]
        let (left, right) = (targets[round % 2], targets[round / 2 % 2])
        async let first = ledger.refusal(Self.end(payment, hold, left))
        async let second = ledger.refusal(Self.end(payment, hold, right))
        let refusals = await [first, second]
        #expect(refusals.count { $0 == nil } == 1, "\(refusals)")
        #expect(refusals.contains("23505"))
      }
      let sums = try await LedgerStore.sums(in: ledger.pool)
      #expect(sums.map(\.amount) == [.zero])
      #expect(try await ledger.balances()["held:provider EUR"] == nil)
    }
  }

  private static func end(_ payment: String, _ hold: Int64, _ target: (account: String, phase: String)) -> String {
    """
    SELECT payments.ledger_write('\(payment)', NULL, '\(target.phase)', \(hold), false, 'EUR',
      ARRAY['held:provider', '\(target.account)'], ARRAY[-100, 100]::bigint[])
    """
  }

  @Test("A status that is written twice, or after the hold was voided, posts nothing twice")
  func repeatedStatuses() async throws {
    try await LedgerFixture.with { ledger in
      let payment = try await ledger.pay()
      for status in ["PROCESSING", "DONE", "INIT", "DONE"] { try await ledger.finish(payment, status) }
      #expect(try await ledger.phases(payment) == ["pending", "posted"])
      let voided = try await ledger.create()
      try await ledger.hold(voided)
      try await ledger.finish(voided, "CANCELLED")
      #expect(await ledger.refusal("UPDATE payments.payment SET status = 'DONE' WHERE id = '\(voided)'") == "23001")
      #expect(try await ledger.check().isEmpty)
    }
  }

  @Test("What is changed behind the triggers' back shows, each by its name")
  func tampered() async throws {
    let changes = [
      "UPDATE payments.entry SET amount = amount + 1 WHERE position = 1": [
        "sum is not 0", "transfer does not add up", "balance is not its entries",
        "postings are not what the status says",
      ],
      "DELETE FROM payments.entry WHERE transfer_id = (SELECT max(transfer_id) FROM payments.entry)": [
        "transfer without entries", "balance is not its entries", "postings are not what the status says",
      ],
      "UPDATE payments.balance SET amount = amount + 1": ["sum of balances is not 0", "balance is not its entries"],
      "DELETE FROM payments.balance": ["balance is not its entries"],
      "UPDATE payments.payment SET status = 'CANCELLED'": ["postings are not what the status says"],
      "UPDATE payments.payment SET currency = 'USD'": ["postings are not what the status says"],
      "DELETE FROM payments.transfer; DELETE FROM payments.entry; DELETE FROM payments.balance": [
        "postings are not what the status says"
      ],
    ]
    for (sql, problems) in changes {
      try await LedgerFixture.with(connections: 1) { ledger in
        _ = try await ledger.pay()
        try await ledger.pool.executeScript(
          "SET session_replication_role = replica; \(sql); RESET session_replication_role"
        )
        let found = Set(try await ledger.check().map(\.problem))
        #expect(found == Set(problems), "\(sql)")
      }
    }
  }
}
