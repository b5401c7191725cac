package import Foundation
package import Libpq

/// The SQL on the ledger. Postings of payments and refunds are not among it: triggers write them.
package enum LedgerStore {
  /// The name of the one provider in the accounts, as `payments.ledger_provider` has it.
  package static let provider = "provider"
  /// Differences that are reported; the ledger may have more.
  package static let maxDifferences = 100
  /// Accounts and postings that are shown.
  package static let maxRows = 10_000
  /// Rows of the balances that one call folds.
  package static let foldSize = 10_000
  /// Entries of the provider's books in one statement.
  static let bookPageSize = 1000

  /// What every account holds: the accounts that aren't a user's first, then users by how much they hold or owe.
  package static func balances(
    limit: Int = maxRows,
    in database: some LibpqQueryable
  ) async throws -> [LedgerBalance] {
    let result = try await database.query(
      """
      SELECT code, kind, currency, amount::text, entries, unfolded FROM payments.account_balance
      ORDER BY kind = 'user', CASE WHEN kind = 'user' THEN abs(amount) END DESC, code, currency LIMIT $1
      """,
      [.int8(Int64(limit))]
    )
    return try result.rows.map { row in
      LedgerBalance(
        account: try row.text(0),
        kind: try row.text(1),
        currency: try row.text(2),
        amount: try minorUnits(row, 3),
        entries: try row.int8(4),
        unfolded: try row.int8(5)
      )
    }
  }

  /// The sum of everything in each currency, by the balances: 0, or the ledger is wrong.
  package static func sums(in database: some LibpqQueryable) async throws -> [LedgerBalance] {
    let result = try await database.query(
      """
      SELECT currency, sum(amount)::text, sum(entries)::bigint, sum(unfolded)::bigint, count(*)
      FROM payments.account_balance GROUP BY currency ORDER BY currency
      """
    )
    return try result.rows.map { row in
      LedgerBalance(
        account: "\(try row.int8(4)) accounts",
        kind: "sum",
        currency: try row.text(0),
        amount: try minorUnits(row, 1),
        entries: try row.int8(2),
        unfolded: try row.int8(3)
      )
    }
  }

  /// The entries that a payment and its refunds made, oldest first.
  /// - Parameter payment: the payment's id as text.
  package static func postings(of payment: String, in database: some LibpqQueryable) async throws -> [LedgerPosting] {
    let result = try await database.query(
      """
      SELECT t.id, t.follows, t.phase, t.refund_id::text, t.is_opening, a.code, e.amount::text, a.currency, t.at
      FROM payments.transfer t
        JOIN payments.entry e ON e.transfer_id = t.id
        JOIN payments.account a ON a.id = e.account_id
      WHERE t.payment_id = $1 ORDER BY t.id, e.position LIMIT $2
      """,
      [.unknown(payment), .int8(Int64(maxRows))]
    )
    return try result.rows.map { row in
      guard let phase = LedgerPosting.Phase(rawValue: try row.text(2)) else {
        throw LibpqError(.decoding, "a transfer has an unknown phase")
      }
      return LedgerPosting(
        transfer: try row.int8(0),
        follows: try row.optionalInt8(1),
        phase: phase,
        refund: try row.optionalText(3),
        isOpening: try row.bool(4),
        account: try row.text(5),
        amount: try minorUnits(row, 6),
        currency: try row.text(7),
        at: try row.timestamptz(8)
      )
    }
  }

  /// What is wrong with the ledger, at most ``maxDifferences``; empty: nothing. All of it is of one moment.
  /// - Parameter since: looks at payments created then or later only; by default the whole ledger is read.
  package static func check(
    since: Date = .distantPast,
    in database: some LibpqQueryable
  ) async throws -> [LedgerDifference] {
    let result = try await database.query(
      "SELECT problem, subject, detail FROM payments.ledger_check($1) LIMIT $2",
      [.timestamptz(since), .int8(Int64(maxDifferences))]
    )
    return try result.rows.map { row in
      LedgerDifference(problem: try row.text(0), subject: try row.text(1), detail: try row.text(2))
    }
  }

  /// Folds one batch of new balance rows into one row per account.
  /// - Returns: how many rows were new; less than ``foldSize`` if nothing is left, or another session folds.
  package static func fold(in database: some LibpqQueryable) async throws -> Int {
    let result = try await database.query("SELECT payments.ledger_fold($1)", [.int4(Int32(foldSize))])
    return Int(try result[0].int4(0))
  }

  /// Writes what the provider's books say now, as far as it isn't what they said before.
  /// - Returns: how many transfers that took.
  package static func settle(
    _ entries: [BookEntry],
    of provider: String = provider,
    in database: some LibpqQueryable
  ) async throws -> Int {
    var written = 0
    for start in stride(from: 0, to: entries.count, by: bookPageSize) {
      let page = Array(entries[start..<min(start + bookPageSize, entries.count)])
      let result = try await database.query(
        "SELECT payments.ledger_settle($1, $2)",
        [.text(provider), .json(try JSONFormat.encoder().encode(page))]
      )
      written += Int(try result[0].int4(0))
    }
    return written
  }

  /// The clearing account in every currency, and how much of it is explained by payments and refunds with postings since an instant.
  package static func clearing(
    of provider: String = provider,
    since: Date = .distantPast,
    in database: some LibpqQueryable
  ) async throws -> [ClearingBalance] {
    let result = try await database.query(
      """
      WITH touched AS (
        SELECT DISTINCT payment_id, refund_id FROM payments.transfer WHERE at >= $2 AND payment_id IS NOT NULL
      ), subject AS (
        SELECT e.account_id, sum(e.amount) AS rest, bool_or(t.phase = 'settled') AS is_confirmed
        FROM touched s
          JOIN payments.transfer t ON t.payment_id = s.payment_id AND t.refund_id IS NOT DISTINCT FROM s.refund_id
          JOIN payments.entry e ON e.transfer_id = t.id
        GROUP BY e.account_id, t.payment_id, t.refund_id
        UNION ALL
        SELECT e.account_id, sum(e.amount), true
        FROM payments.transfer t JOIN payments.entry e ON e.transfer_id = t.id
        WHERE t.payment_id IS NULL
        GROUP BY e.account_id, t.provider, t.book
      ), explained AS (
        SELECT account_id, sum(rest) FILTER (WHERE NOT is_confirmed) AS unconfirmed,
          sum(rest) FILTER (WHERE is_confirmed) AS difference, count(*) FILTER (WHERE is_confirmed AND rest <> 0) AS differing
        FROM subject GROUP BY account_id
      )
      SELECT a.code, a.currency, b.amount::text, coalesce(x.unconfirmed, 0)::text, coalesce(x.difference, 0)::text,
        coalesce(x.differing, 0), (b.amount - coalesce(x.unconfirmed, 0) - coalesce(x.difference, 0))::text
      FROM payments.account a
        CROSS JOIN LATERAL (
          SELECT coalesce(sum(amount), 0) AS amount FROM payments.balance WHERE account_id = a.id
        ) b
        LEFT JOIN explained x ON x.account_id = a.id
      WHERE a.code = $1 ORDER BY a.currency
      """,
      [.text("clearing:\(provider)"), .timestamptz(since)]
    )
    return try result.rows.map { row in
      ClearingBalance(
        account: try row.text(0),
        currency: try row.text(1),
        amount: try minorUnits(row, 2),
        unconfirmed: try minorUnits(row, 3),
        difference: try minorUnits(row, 4),
        differing: try row.int8(5),
        earlier: try minorUnits(row, 6)
      )
    }
  }

  private static func minorUnits(_ row: LibpqRow, _ column: Int) throws -> MinorUnits {
    guard let units = MinorUnits(rawValue: try row.text(column)) else {
      throw LibpqError(.decoding, "an amount of the ledger isn't a whole number")
    }
    return units
  }
}
