import Foundation

@testable import PaymentsExample

/// Registers everything under one id, says that it executes it, and fails at everything else.
struct OneIdProvider: PaymentProvider {
  let id: String
  var capabilities = ProviderCapabilities.all
  /// Thrown by everything; nil: creating works.
  var error: ProviderError?

  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    if let error { throw error }
    return ProviderPayment(
      id: id,
      status: .initial,
      reference: request.reference,
      userId: request.userId,
      amount: request.amount,
      currency: request.currency
    )
  }

  func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? { nil }
  func payment(id: String) async throws -> ProviderPayment { throw failure }
  func payments(reference: String) async throws -> [ProviderPayment] { [] }
  func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage { throw failure }
  func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment { throw failure }
  func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    throw failure
  }
  func refunds(paymentId: String) async throws -> [ProviderRefund] { throw failure }
  func disputes(paymentId: String) async throws -> [ProviderRefund] { throw failure }

  private var failure: ProviderError {
    error ?? ProviderError(code: .unexpectedStatus, call: "test", httpStatus: 500)
  }
}
