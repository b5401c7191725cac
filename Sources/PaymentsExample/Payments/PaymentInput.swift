/// What can happen to a payment.
enum PaymentInput: Equatable, Sendable {
  /// The provider knows it by this id.
  case registered(id: String, ProviderStatus)
  /// The provider will never register it.
  case refused(reason: String)
  /// A step before it is impossible, so the provider never hears of it.
  case rejected(PaymentEvent.Kind, reason: String)
  /// The provider says where it stands.
  case reported(ProviderStatus)
  /// The provider gave up on a registered payment: no money moved, and none will.
  case declined(reason: String)
  /// The provider waits to be told to execute.
  case executionDue
  case cancellationWanted
  /// The provider can't or won't cancel.
  case cancellationRefused(reason: String)
}
