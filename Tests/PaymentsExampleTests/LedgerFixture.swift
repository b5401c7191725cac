import Libpq
import TaskQueuePostgres
import TaskQueueTestKit
import Testing

@testable import PaymentsExample

/// Payments whose statuses a test changes by itself, on a database of its own.
struct LedgerFixture: Sendable {
  let pool: LibpqPool

  static func with(connections: Int = 4, _ body: (LedgerFixture) async throws -> Void) async throws {
    try await withTestDatabase { database in
      let pool = LibpqPool(database.postgresConfiguration, maxConnections: connections)
      let result: Result<Void, any Error>
      do {
        try await PaymentMigrations.apply(to: pool)
        result = .success(try await body(LedgerFixture(pool: pool)))
      } catch {
        result = .failure(error)
      }
      await pool.close()
      try result.get()
    }
  }

  /// - Returns: the new payment's id.
  func create(_ user: String = "u", amount: Int64 = 100, currency: String = "EUR") async throws -> String {
    try await pool.query(
      "INSERT INTO payments.payment (user_id, amount, currency, description) VALUES ($1, $2, $3, '') RETURNING id::text",
      [.text(user), .int8(amount), .text(currency)]
    )[0].text(0)
  }

  static let hold = "UPDATE payments.payment SET status = 'INIT', execution_requested_at = now() WHERE id = $1"
  static let finish = "UPDATE payments.payment SET status = $2 WHERE id = $1"

  func hold(_ payment: String) async throws {
    _ = try await pool.query(Self.hold, [.unknown(payment)])
  }

  func finish(_ payment: String, _ status: String = "DONE") async throws {
    _ = try await pool.query(Self.finish, [.unknown(payment), .text(status)])
  }

  func pay(_ user: String = "u", amount: Int64 = 100, currency: String = "EUR") async throws -> String {
    let payment = try await create(user, amount: amount, currency: currency)
    try await hold(payment)
    try await finish(payment)
    return payment
  }

  func refund(_ payment: String, amount: Int64) async throws -> String {
    try await pool.query(
      "INSERT INTO payments.refund (payment_id, amount, reason) VALUES ($1, $2, '') RETURNING id::text",
      [.unknown(payment), .int8(amount)]
    )[0].text(0)
  }

  func finish(refund: String, _ status: String = "DONE") async throws {
    _ = try await pool.query("UPDATE payments.refund SET status = $2 WHERE id = $1", [.unknown(refund), .text(status)])
  }

  /// Balances that aren't 0, by account and currency.
  func balances() async throws -> [String: String] {
    let balances = try await LedgerStore.balances(in: pool).filter { !$0.amount.isZero }
    return Dictionary(uniqueKeysWithValues: balances.map { ("\($0.account) \($0.currency)", $0.amount.rawValue) })
  }

  func phases(_ payment: String) async throws -> [String] {
    var transfers: [Int64: String] = [:]
    for posting in try await LedgerStore.postings(of: payment, in: pool) {
      transfers[posting.transfer] = posting.phase.rawValue
    }
    return transfers.sorted { $0.key < $1.key }.map(\.value)
  }

  func check() async throws -> [LedgerDifference] {
    try await LedgerStore.check(in: pool)
  }

  /// The SQLSTATE that a script is refused with; nil: it isn't.
  func refusal(_ sql: String) async -> String? {
    do {
      try await pool.withTransaction { _ = try await $0.executeScript(sql) }
      return nil
    } catch let error as LibpqError {
      return error.sqlState ?? "\(error)"
    } catch {
      return "\(error)"
    }
  }
}
