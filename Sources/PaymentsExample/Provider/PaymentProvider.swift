package import Foundation

/// What the app needs of a payment provider.
///
/// Any method may throw after the provider did the work: an error says that nothing happened only if its
/// ``ProviderError/isRefusal`` does. What an answer shows is compared with what was asked for, all of it; see
/// ``Payment/differences(from:)``. Idempotency keys are the same for every attempt; a provider may ignore them.
package protocol PaymentProvider: Sendable {
  /// What the provider can do beside taking payments.
  var capabilities: ProviderCapabilities { get }
  /// How long after it was begun a call may still reach the provider.
  var callLimit: Duration { get }
  /// How long the provider remembers an idempotency key; nil: for ever, or it doesn't look at keys.
  var keyLifetime: Duration? { get }
  /// How its callbacks are read; that of our own contract, unless the provider has another.
  var callbackFormat: ProviderCallbackFormat { get }

  /// Registers a payment; moves no money.
  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment
  /// Moves the money. Repeating it for one id changes nothing. If it is refused, the books say what
  /// became of the payment.
  /// - Returns: the payment as it is now, if the answer shows it.
  @discardableResult
  func execute(id: String, idempotencyKey: String) async throws -> ProviderPayment?
  func payment(id: String) async throws -> ProviderPayment
  /// Every payment registered under our reference, oldest first.
  func payments(reference: String) async throws -> [ProviderPayment]

  /// The provider's books: payments registered in `window`, in an order of the provider's; not those of other namespaces, where
  /// the provider tells. Without
  /// ``ProviderCapabilities/lists`` it throws `unsupported`.
  /// - Parameter cursor: nil for the first page, then ``ProviderPage/next``.
  func payments(in window: Range<Date>, after cursor: String?) async throws -> ProviderPage

  /// Drops a payment whose money hasn't moved. Repeating it changes nothing. Refused if it is too late; without
  /// ``ProviderCapabilities/cancels`` it throws `unsupported`.
  func cancel(id: String, idempotencyKey: String) async throws -> ProviderPayment

  /// Pays money back. Without ``ProviderCapabilities/refunds`` it throws `unsupported`.
  func refund(_ request: ProviderRefundRequest, idempotencyKey: String) async throws -> ProviderRefund
  /// Every refund of the payment, with our references.
  func refunds(paymentId: String) async throws -> [ProviderRefund]
  /// Every dispute of the payment, which is OPEN, WON or LOST. Without ``ProviderCapabilities/disputes`` it throws `unsupported`.
  func disputes(paymentId: String) async throws -> [ProviderRefund]
}

extension PaymentProvider {
  package var callLimit: Duration { .seconds(30) }
  package var keyLifetime: Duration? { nil }
  package var callbackFormat: ProviderCallbackFormat { .contract }
}

/// What a provider can do beside taking payments.
package struct ProviderCapabilities: OptionSet, Sendable {
  package let rawValue: Int

  package init(rawValue: Int) {
    self.rawValue = rawValue
  }

  /// Payments can be dropped before their money has moved.
  static let cancels = Self(rawValue: 1 << 0)
  /// Money can be paid back.
  static let refunds = Self(rawValue: 1 << 1)
  /// The books can be listed by time.
  static let lists = Self(rawValue: 1 << 2)
  /// Payments can be disputed, and it says which are.
  static let disputes = Self(rawValue: 1 << 3)

  static let all: Self = [.cancels, .refunds, .lists, .disputes]
}
