/// A step around a payment, done by a service of somebody else.
package enum StepName: String, Codable, CaseIterable, Sendable {
  /// The user may pay this, and the money is held.
  case account
  case fraud
  /// The order still wants to be paid, and is held.
  case order
  /// What was paid for is sent out: after the payment.
  case delivery

  /// Whether it comes before the provider hears of the payment.
  var isBefore: Bool { self != .delivery }

  /// Whether it leaves something behind that must be given back if the payment fails.
  var canBeUndone: Bool { self == .account || self == .order }

  /// What the history says if the service refuses for good.
  var rejection: PaymentEvent.Kind {
    switch self {
    case .account: .accountRejected
    case .fraud: .fraudSuspected
    case .order: .orderGone
    case .delivery: .deliveryRejected
    }
  }
}
