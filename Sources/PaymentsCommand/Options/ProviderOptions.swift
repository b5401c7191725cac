import ArgumentParser
import AsyncHTTPClient
import PaymentsExample
import PaymentsLab

/// The providers that there are.
enum ProviderKind: String, CaseIterable, ExpressibleByArgument, Sendable {
  /// Any that speaks our contract, as the simulator does.
  case http
  case stripe
}

/// How to reach the payment provider.
struct ProviderOptions: ParsableArguments {
  @Option(name: .customLong("provider"), help: "Which provider: one that speaks our contract, or Stripe.")
  var kind = ProviderKind.http

  @Option(name: .customLong("provider-url"), help: "The payment provider.")
  var url = "http://127.0.0.1:8090"

  @Option(
    name: .customLong("provider-timeout"),
    help: "Longest wait for an answer of the provider. (default: 10s)",
    transform: DurationText.parse
  )
  var timeout = Duration.seconds(10)

  @Flag(
    help: """
      Let URLs be plain HTTP to other machines: for a private network, or a proxy that adds TLS. Without it they have to \
      be https.
      """
  )
  var insecure = false

  @OptionGroup(title: "Stripe")
  var stripe: StripeOptions

  /// The one place where a provider is chosen.
  /// - Parameter namespace: the database's ``PaymentNamespace``.
  /// - Throws: ``CommandError`` if the options don't fit it.
  func make(_ client: HTTPClient, namespace: String) throws -> any PaymentProvider {
    switch kind {
    case .http:
      try OutgoingURL.check(url, option: "--provider-url", isInsecure: insecure)
      return ProviderClient(client: client, baseURL: url, namespace: namespace, timeout: timeout)
    case .stripe:
      let configuration = try stripe.configuration(namespace: namespace, timeout: timeout)
      return StripeClient(client: client, configuration: configuration)
    }
  }
}
