import Libpq

/// The app's own table.
protocol PaymentRows<Transaction>: Sendable {
  associatedtype Transaction

  func insert(amount: Int64, in transaction: Transaction) async throws -> Int64
  func set(providerID: String, of id: Int64, in transaction: Transaction) async throws
  func set(status: String, of id: Int64, in transaction: Transaction) async throws
  func payment(_ id: Int64) async throws -> Payment
  func id(ofProviderID providerID: String) async throws -> Int64?
}

struct Payment: Hashable, Sendable {
  var amount: Int64
  var providerID: String?
  var status = "NEW"
}

struct PostgresPaymentRows: PaymentRows {
  let pool: LibpqPool

  func createTable() async throws {
    try await pool.executeScript(
      """
      CREATE TABLE IF NOT EXISTS payment (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, amount bigint NOT NULL,
        provider_id text UNIQUE, status text NOT NULL DEFAULT 'NEW')
      """
    )
  }

  func insert(amount: Int64, in transaction: LibpqTransaction) async throws -> Int64 {
    let sql = "INSERT INTO payment (amount) VALUES ($1) RETURNING id"
    return try await transaction.query(sql, [.int8(amount)])[0].int8(0)
  }

  func set(providerID: String, of id: Int64, in transaction: LibpqTransaction) async throws {
    let sql = "UPDATE payment SET provider_id = $2, status = 'PENDING' WHERE id = $1"
    try await transaction.query(sql, [.int8(id), .text(providerID)])
  }

  func set(status: String, of id: Int64, in transaction: LibpqTransaction) async throws {
    try await transaction.query("UPDATE payment SET status = $2 WHERE id = $1", [.int8(id), .text(status)])
  }

  func payment(_ id: Int64) async throws -> Payment {
    let row = try await pool.query("SELECT amount, provider_id, status FROM payment WHERE id = $1", [.int8(id)])[0]
    return Payment(amount: try row.int8(0), providerID: try row.optionalText(1), status: try row.text(2))
  }

  func id(ofProviderID providerID: String) async throws -> Int64? {
    try await pool.query("SELECT id FROM payment WHERE provider_id = $1", [.text(providerID)]).rows.first?.int8(0)
  }
}
