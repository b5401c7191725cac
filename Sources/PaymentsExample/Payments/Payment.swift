package import Foundation

/// One outgoing payment, as our own books have it.
package struct Payment: Codable, Equatable, Sendable {
  package var id: PaymentID
  package var userId: String
  package var orderId: String?
  /// In minor units (cents).
  package var amount: Int64
  /// ISO 4217.
  package var currency: String
  package var description: String
  package var status: PaymentStatus
  /// The name of the provider that it is with.
  package var provider = PaymentProviders.defaultName
  /// The provider's id, once we have one.
  package var providerId: String?
  /// Why it is FAILED.
  package var failure: String?
  /// How often a handler began to work on it.
  package var attempts: Int
  package var createdAt: Date
  var updatedAt: Date
  /// Committed before `execute` is first sent.
  var executionRequestedAt: Date?
  /// While a cancellation waits for the provider's word.
  var cancellationRequestedAt: Date?
  /// Why nothing more is done about it until a person has looked; see ``PaymentState/stopReason``.
  package var stopReason: String?

  /// What the provider knows it by.
  package var reference: String { id.description }

  package var state: PaymentState {
    PaymentState(
      status: status,
      providerId: providerId,
      isExecutionRequested: executionRequestedAt != nil,
      isCancellationRequested: cancellationRequestedAt != nil,
      stopReason: stopReason
    )
  }
}
