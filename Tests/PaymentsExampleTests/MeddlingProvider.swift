import Foundation

@testable import PaymentsExample

/// A provider whose books are shown as the test says.
struct MeddlingProvider: PaymentProvider {
  let provider: any PaymentProvider
  var capabilities = ProviderCapabilities.all
  /// What it shows of a payment, wherever it shows it.
  var shown: @Sendable (ProviderPayment) throws -> ProviderPayment = { $0 }
  /// What it has under a reference.
  var found: @Sendable (String, [ProviderPayment]) -> [ProviderPayment] = { $1 }
  /// A page of its list.
  var listed: @Sendable ([ProviderPayment]) -> [ProviderPayment] = { $0 }
  /// Its list is empty, and goes on.
  var isEndless = false
  /// The refunds of the payment with this id.
  var refunded: @Sendable (String, [ProviderRefund]) throws -> [ProviderRefund] = { $1 }
  var disputed: @Sendable (String, [ProviderRefund]) throws -> [ProviderRefund] = { $1 }

  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    try await provider.create(request, idempotencyKey: idempotencyKey)
  }

  func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    try await provider.execute(id: id, idempotencyKey: idempotencyKey)
  }

  func payment(id: String) async throws -> ProviderPayment { try shown(try await provider.payment(id: id)) }

  func payments(reference: String) async throws -> [ProviderPayment] {
    try found(reference, try await provider.payments(reference: reference)).map { try shown($0) }
  }

  func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    if isEndless { return ProviderPage(payments: [], next: UUID().uuidString) }
    var page = try await provider.payments(in: window, after: cursor)
    page.payments = try listed(page.payments).map { try shown($0) }
    return page
  }

  func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    try await provider.cancel(id: id, idempotencyKey: idempotencyKey)
  }

  func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    try await provider.refund(request, idempotencyKey: idempotencyKey)
  }

  func refunds(paymentId: String) async throws -> [ProviderRefund] {
    try refunded(paymentId, try await provider.refunds(paymentId: paymentId))
  }

  func disputes(paymentId: String) async throws -> [ProviderRefund] {
    try disputed(paymentId, try await provider.disputes(paymentId: paymentId))
  }
}
