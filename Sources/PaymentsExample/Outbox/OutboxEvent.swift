import Foundation

/// What happened to a payment, as it waits for being published.
struct OutboxEvent: Equatable, Sendable {
  /// A UUID.
  var id: String
  var paymentId: Int64
  /// Counts the payment's events from 1.
  var sequence: Int
  /// CREATED, COMPLETED, FAILED, CANCELLED or REFUNDED.
  var type: String
  var at: Date
  /// The payment as it was then.
  var data: JSONTree
}
