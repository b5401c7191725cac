import Libpq

/// The SQL on the app's own tables. Every method is one statement on the connection or transaction it is given.
enum PaymentStore {
  static let columns = """
    id, user_id, order_id, amount, currency, description, status, provider_id, attempts, created_at, updated_at
    """

  /// Records a payment in status CREATED.
  static func insert(_ new: NewPayment, in database: some PostgresQueryable) async throws -> Payment {
    let result = try await database.query(
      """
      INSERT INTO payments.payment (user_id, order_id, amount, currency, description)
      VALUES ($1, $2, $3, $4, $5) RETURNING \(columns)
      """,
      [
        .text(new.userId), new.orderId.map { .text($0) } ?? .null, .int8(new.amount), .text(new.currency),
        .text(new.description),
      ]
    )
    return try payment(result[0])
  }

  static func find(_ id: Int64, in database: some PostgresQueryable) async throws -> Payment? {
    let result = try await database.query("SELECT \(columns) FROM payments.payment WHERE id = $1", [.int8(id)])
    return result.rowCount == 0 ? nil : try payment(result[0])
  }

  static func find(providerId: String, in database: some PostgresQueryable) async throws -> Payment? {
    let result = try await database.query(
      "SELECT \(columns) FROM payments.payment WHERE provider_id = $1",
      [.text(providerId)]
    )
    return result.rowCount == 0 ? nil : try payment(result[0])
  }

  /// All payments from `first` on by ascending id, at most `limit`.
  static func list(from first: Int64, limit: Int, in database: some PostgresQueryable) async throws -> [Payment] {
    let result = try await database.query(
      "SELECT \(columns) FROM payments.payment WHERE id >= $1 ORDER BY id LIMIT $2",
      [.int8(first), .int8(Int64(limit))]
    )
    return try (0..<result.rowCount).map { try payment(result[$0]) }
  }

  /// Counts an attempt and returns the payment as it stands. For display only: not fenced, may count an attempt whose
  /// worker has lost the task.
  static func beginAttempt(_ id: Int64, in database: some PostgresQueryable) async throws -> Payment? {
    let result = try await database.query(
      "UPDATE payments.payment SET attempts = attempts + 1 WHERE id = $1 RETURNING \(columns)",
      [.int8(id)]
    )
    return result.rowCount == 0 ? nil : try payment(result[0])
  }

  /// Stores the provider's id if none is stored. The first one stays for good: only it is ever executed.
  static func storeProviderId(
    _ providerId: String,
    status: PaymentStatus,
    for id: Int64,
    in database: some PostgresQueryable
  ) async throws {
    _ = try await database.query(
      """
      UPDATE payments.payment SET provider_id = $2, status = $3, updated_at = now()
      WHERE id = $1 AND provider_id IS NULL
      """,
      [.int8(id), .text(providerId), .text(status.rawValue)]
    )
  }

  /// Records what the provider said. A final status is never overwritten, whoever comes late.
  static func record(_ status: PaymentStatus, for id: Int64, in database: some PostgresQueryable) async throws {
    _ = try await database.query(
      """
      UPDATE payments.payment SET status = $2, updated_at = now()
      WHERE id = $1 AND status <> $2 AND status NOT IN ('DONE', 'CANCELLED')
      """,
      [.int8(id), .text(status.rawValue)]
    )
  }

  private static func payment(_ row: PostgresRow) throws -> Payment {
    Payment(
      id: try row.int8(0),
      userId: try row.text(1),
      orderId: try row.optionalText(2),
      amount: try row.int8(3),
      currency: try row.text(4),
      description: try row.text(5),
      status: PaymentStatus(rawValue: try row.text(6)),
      providerId: try row.optionalText(7),
      attempts: Int(try row.int8(8)),
      createdAt: try row.timestamptz(9),
      updatedAt: try row.timestamptz(10)
    )
  }
}
