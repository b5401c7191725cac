package import Foundation
import Logging

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
  /// How many attempts at it came to nothing.
  package var attempts: Int
  package var createdAt: Date
  var updatedAt: Date
  /// Committed before `execute` is first sent.
  var executionRequestedAt: Date?
  /// While a cancellation waits for the provider's word.
  var cancellationRequestedAt: Date?
  /// How often the provider was told to execute, each time for want of an effect of the time before.
  var executionRounds = 0
  /// Why nothing more is done about it until a person has looked; see ``PaymentState/stopReason``.
  package var stopReason: String?
  /// Who made it; nil: nobody with a key.
  var caller: String?
  /// What the last attempt came to nothing for, see ``PaymentTrouble``; nil: it came on since.
  var lastError: String?
  var lastErrorAt: Date?

  /// What the provider knows it by.
  package var reference: String { id.description }

  package var state: PaymentState {
    get {
      PaymentState(
        status: status,
        providerId: providerId,
        executionRounds: executionRounds,
        isCancellationRequested: cancellationRequestedAt != nil,
        stopReason: stopReason
      )
    }
    set {
      status = newValue.status
      providerId = newValue.providerId
      executionRounds = newValue.executionRounds
      executionRequestedAt = newValue.isExecutionRequested ? executionRequestedAt ?? Date() : nil
      cancellationRequestedAt = newValue.isCancellationRequested ? cancellationRequestedAt ?? Date() : nil
      stopReason = newValue.stopReason
    }
  }

  /// Tells people of a payment that has just been stopped, once.
  func logStop(since before: Payment, _ logger: Logger) {
    guard let stopReason, stopReason != before.stopReason else { return }
    logger.error(
      "payment stopped: a person has to look",
      metadata: ["payment": "\(id)", "reason": "\(stopReason)"]
    )
  }
}
