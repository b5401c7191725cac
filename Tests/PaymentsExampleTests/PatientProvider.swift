import Foundation

@testable import PaymentsExample

/// Repeats what a faulty provider doesn't answer.
struct PatientProvider: PaymentProvider {
  let provider: any PaymentProvider
  let capabilities: ProviderCapabilities

  init(_ provider: any PaymentProvider, capabilities: ProviderCapabilities = .all) {
    self.provider = provider
    self.capabilities = capabilities
  }

  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    try await repeated { try await provider.create(request, idempotencyKey: idempotencyKey) }
  }

  func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    try await repeated { try await provider.execute(id: id, idempotencyKey: idempotencyKey) }
  }

  func payment(id: String) async throws -> ProviderPayment {
    try await repeated { try await provider.payment(id: id) }
  }

  func payments(reference: String) async throws -> [ProviderPayment] {
    try await repeated { try await provider.payments(reference: reference) }
  }

  func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    try await repeated { try await provider.payments(in: window, after: cursor) }
  }

  func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    try await repeated { try await provider.cancel(id: id, idempotencyKey: idempotencyKey) }
  }

  func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    try await repeated { try await provider.refund(request, idempotencyKey: idempotencyKey) }
  }

  func refunds(paymentId: String) async throws -> [ProviderRefund] {
    try await repeated { try await provider.refunds(paymentId: paymentId) }
  }

  func disputes(paymentId: String) async throws -> [ProviderRefund] {
    try await repeated { try await provider.disputes(paymentId: paymentId) }
  }

  private func repeated<Value>(_ call: () async throws -> Value) async throws -> Value {
    var failures = 0
    while true {
      do {
        return try await call()
      } catch {
        if let error = error as? ProviderError, error.code != .unexpectedStatus { throw error }
        failures += 1
        if failures == 50 { throw error }
      }
    }
  }
}
