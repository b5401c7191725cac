import Foundation
import Libpq
import TaskQueueHTTP

/// What `GET /payments` asks for: newest first, filtered, one page.
struct PaymentQuery: Equatable, Sendable {
  static let limits = 1...100
  static let defaultLimit = 20
  static let parameters: Set<String> = [
    "status", "stopped", "failing", "userId", "orderId", "createdSince", "createdUntil", "limit", "cursor",
  ]

  var status: String?
  /// Whether a person has to look at it.
  var isStopped: Bool?
  /// Whether its last attempt, or that of a refund, came to nothing.
  var isFailing: Bool?
  var userId: String?
  var orderId: String?
  var createdSince: Date?
  /// Not included.
  var createdUntil: Date?
  var limit = defaultLimit
  /// The last payment of the page before.
  var after: PaymentID?

  init() {}

  /// - Throws: `malformed-request` naming the parameter that breaks a rule.
  init(_ query: [String: String]) throws {
    status = try Self.text("status", in: query, atMost: PaymentStatus.maxLength)
    isStopped = try Self.bool("stopped", in: query)
    isFailing = try Self.bool("failing", in: query)
    userId = try Self.text("userId", in: query, atMost: NewPayment.maxIdLength)
    orderId = try Self.text("orderId", in: query, atMost: NewPayment.maxIdLength)
    createdSince = try Self.date("createdSince", in: query)
    createdUntil = try Self.date("createdUntil", in: query)
    if let text = query["limit"] {
      guard let limit = Int(text), Self.limits.contains(limit) else {
        throw Self.problem("limit is between \(Self.limits.lowerBound) and \(Self.limits.upperBound).")
      }
      self.limit = limit
    }
    if let text = query["cursor"] {
      guard let after = PaymentID(text) else { throw Self.problem("cursor is not one that we gave.") }
      self.after = after
    }
  }

  /// One page, and the cursor of the next one if there is one. One statement; reads one row more than it returns.
  func page(of caller: Caller = .local, in database: some LibpqQueryable) async throws -> PaymentPage {
    // Written out, so that the index of callers is used.
    let own = caller.owner == nil ? "$9::text IS NULL" : "caller = $9 AND caller <> ''"
    var payments = try await PaymentStore.all(
      """
      SELECT \(PaymentStore.columns) FROM payments.payment
      WHERE ($1::text IS NULL OR status = $1) AND ($2::text IS NULL OR user_id = $2)
        AND ($3::text IS NULL OR order_id = $3) AND ($4::timestamptz IS NULL OR created_at >= $4)
        AND ($5::timestamptz IS NULL OR created_at < $5)
        AND ($6::uuid IS NULL OR (created_at, id) < (SELECT created_at, id FROM payments.payment WHERE id = $6))
        AND ($8::boolean IS NULL OR (stop_reason IS NOT NULL AND (is_contradicted OR status NOT IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED'))) = $8)
        AND ($10::boolean IS NULL OR (last_error IS NOT NULL
          OR id IN (SELECT payment_id FROM payments.refund WHERE last_error IS NOT NULL)) = $10)
        AND \(own)
      ORDER BY created_at DESC, id DESC LIMIT $7
      """,
      [
        .optional(status), .optional(userId), .optional(orderId),
        createdSince.map { .timestamptz($0) } ?? .null, createdUntil.map { .timestamptz($0) } ?? .null,
        after.map { .id($0) } ?? .null, .int8(Int64(limit) + 1),
        isStopped.map { .bool($0) } ?? .null, .optional(caller.owner),
        isFailing.map { .bool($0) } ?? .null,
      ],
      in: database
    )
    let hasMore = payments.count > limit
    if hasMore { payments.removeLast() }
    return PaymentPage(payments: payments, next: hasMore ? payments.last?.id.description : nil)
  }

  private static func text(_ name: String, in query: [String: String], atMost length: Int) throws -> String? {
    guard let text = query[name] else { return nil }
    guard (1...length).contains(text.unicodeScalars.count), !text.utf8.contains(0) else {
      throw problem("\(name) has 1 to \(length) characters.")
    }
    return text
  }

  private static func bool(_ name: String, in query: [String: String]) throws -> Bool? {
    guard let text = query[name] else { return nil }
    guard let value = Bool(text) else { throw problem("\(name) is true or false.") }
    return value
  }

  private static func date(_ name: String, in query: [String: String]) throws -> Date? {
    guard let text = query[name] else { return nil }
    guard let date = RFC3339.date(text) else { throw problem("\(name) is an instant of RFC 3339.") }
    return date
  }

  private static func problem(_ detail: String) -> ProblemError {
    ProblemError(.malformedRequest, detail)
  }
}

/// The answer to `GET /payments`.
struct PaymentPage: Codable, Equatable, Sendable {
  var payments: [Payment]
  /// Asks for the page after this: opaque to clients. nil: this is the last.
  var next: String?
}
