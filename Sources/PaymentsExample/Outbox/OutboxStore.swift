import Foundation
import Libpq

/// What happened to a payment, as it waits for being published.
struct OutboxEvent: Equatable, Sendable {
  /// A UUID.
  var id: String
  var paymentId: PaymentID
  /// Counts the payment's events from 1.
  var sequence: Int
  /// CREATED, COMPLETED, FAILED, CANCELLED or REFUNDED.
  var type: String
  var at: Date
  /// The payment as it was then.
  var data: JSONTree
}

/// The SQL on events that wait or were published. They are written by triggers (`P0004_saga.sql`).
enum OutboxStore {
  /// Rows of one page, and those removed by one statement of the purge.
  static let page = 1000
  /// The most that are counted.
  static let countLimit = 100_000

  /// From now on events are written.
  static func switchOn(in database: some LibpqQueryable) async throws {
    _ = try await database.query("INSERT INTO payments.outbox_switch VALUES (true) ON CONFLICT DO NOTHING")
  }

  /// A payment's events that wait, oldest first. By the index of waiting ones.
  static func unpublished(
    _ payment: PaymentID,
    limit: Int,
    in database: some LibpqQueryable
  ) async throws -> [OutboxEvent] {
    let result = try await database.query(
      """
      SELECT id::text, payment_id, sequence, type, at, data FROM payments.outbox
      WHERE payment_id = $1 AND published_at IS NULL ORDER BY sequence LIMIT $2
      """,
      [.id(payment), .int8(Int64(limit))]
    )
    return try result.rows.map { row in
      OutboxEvent(
        id: try row.text(0),
        paymentId: try row.id(1),
        sequence: Int(try row.int4(2)),
        type: try row.text(3),
        at: try row.timestamptz(4),
        data: try JSONFormat.decoder().decode(JSONTree.self, from: try row.data(5))
      )
    }
  }

  /// An acknowledgement is true whoever reports it, so nothing is fenced here.
  static func markPublished(_ event: OutboxEvent, in database: some LibpqQueryable) async throws {
    _ = try await database.query(
      "UPDATE payments.outbox SET published_at = now() WHERE id = $1 AND published_at IS NULL",
      [.unknown(event.id)]
    )
  }

  /// The next payments with events that wait that long, by id, at most ``page``.
  static func waiting(
    after payment: PaymentID?,
    longerThan age: Duration,
    in database: some LibpqQueryable
  ) async throws -> [PaymentID] {
    let result = try await database.query(
      """
      SELECT DISTINCT payment_id FROM payments.outbox
      WHERE published_at IS NULL AND ($1::uuid IS NULL OR payment_id > $1) AND at < now() - $2::interval ORDER BY payment_id LIMIT $3
      """,
      [payment.map { .id($0) } ?? .null, .interval(age), .int8(Int64(page))]
    )
    return try result.rows.map { try $0.id(0) }
  }

  /// Removes the oldest published ones, at most ``page``.
  /// - Returns: how many.
  static func purge(olderThan period: Duration, in database: some LibpqQueryable) async throws -> Int {
    try await database.query(
      """
      DELETE FROM payments.outbox WHERE ctid = ANY (ARRAY(
        SELECT ctid FROM payments.outbox WHERE published_at < now() - $1::interval
        ORDER BY published_at LIMIT $2 FOR UPDATE SKIP LOCKED))
      """,
      [.interval(period), .int8(Int64(page))]
    ).affectedRows
  }

  /// How many events wait, counted up to ``countLimit``, and for how many seconds the oldest has.
  static func backlog(in database: some LibpqQueryable) async throws -> (count: Int, oldestSeconds: Int) {
    let row = try await database.query(
      """
      SELECT (SELECT count(*) FROM (SELECT FROM payments.outbox WHERE published_at IS NULL LIMIT $1) AS waiting),
        coalesce((SELECT extract(epoch FROM now() - at)::bigint FROM payments.outbox
          WHERE published_at IS NULL ORDER BY at LIMIT 1), 0)
      """,
      [.int8(Int64(countLimit))]
    )[0]
    return (Int(try row.int8(0)), max(0, Int(try row.int8(1))))
  }
}
