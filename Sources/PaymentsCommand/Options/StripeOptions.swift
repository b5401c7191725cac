import ArgumentParser
import Foundation
import PaymentsExample
import PaymentsLab

/// How to pay with Stripe.
struct StripeOptions: ParsableArguments {
  @Option(name: .customLong("stripe-url"), help: "Where Stripe is; another one for tests.")
  var url = StripeConfiguration.defaultURL

  @Option(
    name: .customLong("stripe-key"),
    help: "The account's key. Rather set \(StripeKey.variable): everybody on the machine can read a command line."
  )
  var key: String?

  @Option(
    name: .customLong("stripe-payment-method"),
    help: "The PaymentMethod that every payment is made with, such as pm_card_visa for tests."
  )
  var paymentMethod: String?

  @Option(name: .customLong("stripe-payment-method-type"), help: "The type of the PaymentMethod.")
  var paymentMethodType = "card"

  @Option(
    name: .customLong("stripe-lookback"),
    help: "How far back a payment whose answer got lost is looked for; 0s: not at all. (default: 48h)",
    transform: DurationText.parse
  )
  var lookback = Duration.seconds(48 * 3600)

  /// - Throws: ``CommandError`` if something is missing or can't be right.
  func configuration(
    namespace: String,
    timeout: Duration,
    environment: [String: String] = ProcessInfo.processInfo.environment
  ) throws -> StripeConfiguration {
    guard let key = self.key ?? environment[StripeKey.variable], !key.isEmpty else {
      throw CommandError("Stripe needs a key: set \(StripeKey.variable).")
    }
    guard let paymentMethod = self.paymentMethod else {
      throw CommandError("Stripe needs --stripe-payment-method.")
    }
    return try StripeConfiguration(
      key: StripeKey(key),
      url: url,
      paymentMethod: paymentMethod,
      paymentMethodType: paymentMethodType,
      namespace: namespace,
      lookback: lookback,
      timeout: timeout
    )
  }
}
