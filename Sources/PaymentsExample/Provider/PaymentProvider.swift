/// What the handlers need of a payment provider.
///
/// Any method may throw after the provider did the work: an error never says that nothing happened.
protocol PaymentProvider: Sendable {
  /// Registers a payment; moves no money. `idempotencyKey` may be ignored by the provider.
  func create(_ request: ProviderPaymentRequest, idempotencyKey: String) async throws -> ProviderPayment
  /// Moves the money. Repeating it for one id changes nothing.
  func execute(id: String) async throws
  func payment(id: String) async throws -> ProviderPayment
  /// Every payment registered under our reference, oldest first.
  func payments(reference: String) async throws -> [ProviderPayment]
}
