/// What an input does to a payment.
struct PaymentTransition: Equatable, Sendable {
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
