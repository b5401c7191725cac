import Foundation
import HTTPTypes
import Libpq
import TaskQueueHTTP

extension IdempotencyStore {
  /// Beside the payments' tables.
  static let payments = IdempotencyStore(schema: "payments")
}

extension IdempotentAnswer {
  /// An answer in JSON.
  static func json(_ status: HTTPResponse.Status, _ value: some Encodable, location: String?) throws -> Self {
    var fields: HTTPFields = [.contentType: "application/json"]
    fields[.location] = location
    return Self(status, fields: fields, body: try JSONFormat.encoder().encode(value))
  }

  /// The payment that its `Location` names.
  var paymentId: PaymentID? { fields[.location].flatMap { PaymentID(String($0.suffix(36))) } }
}

extension BacklogGate {
  /// Refuses new payments while too many are not final.
  static func payments(limit: Int, in pool: LibpqPool) -> BacklogGate {
    BacklogGate(
      limit: limit,
      pool: pool,
      // The index payment_open has them.
      rows: "SELECT FROM payments.payment WHERE status NOT IN ('DONE', 'CANCELLED', 'FAILED', 'RETURNED')",
      refusal: ProblemError(.backlogFull, "At most \(limit) payments may be open at a time.")
    )
  }
}
