import Foundation
import Libpq

/// The provider says a word that the contract doesn't know. As long as it does, each look comes to nothing.
struct UnknownStatus: Error, CustomStringConvertible {
  var status: PaymentStatus

  var description: String { "the provider says \(status), which its contract doesn't know" }

  /// Why a payment is stopped after it has been so for too long.
  func stopReason(since: Date) -> String {
    "Since \(RFC3339.text(since)) \(description)."
  }
}

extension PaymentEventStore {
  /// Since when the payment has had nothing but words that the contract doesn't know; nil: it has none now. A person who resumes it begins anew.
  static func unknownSince(_ id: PaymentID, in database: some LibpqQueryable) async throws -> Date? {
    let known = [PaymentStatus.created, .initial, .processing, .cancelled, .done, .failed, .returned].map(\.rawValue)
    let result = try await database.query(
      """
      SELECT min(at) FROM payments.payment_event WHERE payment_id = $1 AND id > (
        SELECT max(id) FROM payments.payment_event WHERE payment_id = $1 AND (status = ANY ($2) OR kind = 'resumed'))
      """,
      [.id(id), .textArray(known)]
    )
    return try result[0].optionalTimestamptz(0)
  }
}
