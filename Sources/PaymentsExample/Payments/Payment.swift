import Foundation

/// One outgoing payment, as our own books have it.
struct Payment: Codable, Equatable, Sendable {
  var id: Int64
  var userId: String
  var orderId: String?
  /// In minor units (cents).
  var amount: Int64
  /// ISO 4217.
  var currency: String
  var description: String
  var status: PaymentStatus
  /// The provider's id, once we have one.
  var providerId: String?
  /// Why it is FAILED.
  var failure: String?
  /// How often a handler began to work on it.
  var attempts: Int
  var createdAt: Date
  var updatedAt: Date
  /// Committed before `execute` is first sent.
  var executionRequestedAt: Date?
  /// While a cancellation waits for the provider's word.
  var cancellationRequestedAt: Date?

  /// What the provider knows it by.
  var reference: String { String(self.id) }

  var state: PaymentState {
    PaymentState(
      status: self.status,
      providerId: self.providerId,
      isExecutionRequested: self.executionRequestedAt != nil,
      isCancellationRequested: self.cancellationRequestedAt != nil
    )
  }
}
