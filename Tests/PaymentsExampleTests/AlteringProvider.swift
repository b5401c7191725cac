import Foundation
import Synchronization

@testable import PaymentsExample

/// A provider whose answers are altered as told, at one stage of a payment.
final class AlteringProvider: PaymentProvider {
  enum Stage: String, CaseIterable, Sendable {
    /// What it answers to a registration.
    case created
    /// What it finds by our reference.
    case found
    /// What it shows by its id.
    case checked
  }

  typealias Alteration = @Sendable (inout ProviderPayment) -> Void

  let provider: ScriptedProvider
  let stage: Stage
  private let alteration: Mutex<Alteration?>
  private let refundAlteration = Mutex<(@Sendable (inout ProviderRefund) -> Void)?>(nil)

  init(_ provider: ScriptedProvider, at stage: Stage = .checked, _ alteration: Alteration? = nil) {
    self.provider = provider
    self.stage = stage
    self.alteration = Mutex(alteration)
  }

  var capabilities: ProviderCapabilities { provider.capabilities }
  var callLimit: Duration { provider.callLimit }

  var isAltered: Bool { alteration.withLock { $0 } != nil }

  /// From now on; nil: not at all.
  func alter(_ alteration: Alteration?) {
    self.alteration.withLock { $0 = alteration }
  }

  /// The same with refunds, at every stage.
  func alterRefunds(_ alteration: (@Sendable (inout ProviderRefund) -> Void)?) {
    refundAlteration.withLock { $0 = alteration }
  }

  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment {
    altered(try await provider.create(request, idempotencyKey: idempotencyKey), .created)
  }

  func payment(id: String) async throws -> ProviderPayment {
    altered(try await provider.payment(id: id), .checked)
  }

  func payments(reference: String) async throws -> [ProviderPayment] {
    try await provider.payments(reference: reference).map { altered($0, .found) }
  }

  func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment? {
    try await provider.execute(id: id, idempotencyKey: idempotencyKey).map { altered($0, .checked) }
  }

  func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment {
    try await provider.cancel(id: id, idempotencyKey: idempotencyKey)
  }

  func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund {
    altered(try await provider.refund(request, idempotencyKey: idempotencyKey))
  }

  func refunds(paymentId: String) async throws -> [ProviderRefund] {
    try await provider.refunds(paymentId: paymentId).map { altered($0) }
  }

  func disputes(paymentId: String) async throws -> [ProviderRefund] {
    try await provider.disputes(paymentId: paymentId)
  }

  func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage {
    try await provider.payments(in: window, after: cursor)
  }

  private func altered(_ entry: ProviderPayment, _ stage: Stage) -> ProviderPayment {
    var entry = entry
    if stage == self.stage { alteration.withLock { $0 }?(&entry) }
    return entry
  }

  private func altered(_ refund: ProviderRefund) -> ProviderRefund {
    var refund = refund
    refundAlteration.withLock { $0 }?(&refund)
    return refund
  }
}
