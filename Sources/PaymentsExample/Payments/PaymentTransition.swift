/// What can happen to a payment.
package enum PaymentInput: Equatable, Sendable {
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
  /// The provider has something else than it was asked for.
  case stopped(reason: String)
  /// A person has looked at what stopped it, and has it looked at anew.
  case resumed
  /// The provider waits to be told to execute, for the first time or once more.
  case executionDue(round: Int)
  case cancellationWanted
  /// The provider can't or won't cancel.
  case cancellationRefused(reason: String)
}

/// What an input does to a payment.
package struct PaymentTransition: Equatable, Sendable {
  /// To be carried out after the new state is committed. Repeating one does no harm.
  enum Command: Equatable, Sendable {
    /// Tell the provider to move the money of its payment with this id.
    case execute(String)
    /// Tell the provider to drop its payment with this id.
    case cancel(String)
    /// Ask the provider where the payment stands.
    case check
  }

  var state: PaymentState
  /// Goes into the payment's history; nil: the state is the one before.
  var event: PaymentEvent.Kind?
  var detail: String?
  var command: Command?

  static func nothing(_ state: PaymentState, _ command: Command? = nil) -> Self {
    Self(state: state, event: nil, detail: nil, command: command)
  }

  static func event(
    _ kind: PaymentEvent.Kind,
    _ detail: String?,
    _ state: PaymentState,
    _ command: Command? = nil
  ) -> Self {
    Self(state: state, event: kind, detail: detail, command: command)
  }
}
