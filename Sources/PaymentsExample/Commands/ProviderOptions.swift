import ArgumentParser
import AsyncHTTPClient

/// How to reach the payment provider.
struct ProviderOptions: ParsableArguments {
  @Option(name: .customLong("provider-url"), help: "The payment provider.")
  var url = "http://127.0.0.1:8090"

  @Option(
    name: .customLong("provider-timeout"),
    help: "Longest wait for an answer of the provider. (default: 10s)",
    transform: DurationText.parse
  )
  var timeout = Duration.seconds(10)

  /// The one place where a provider is chosen.
  func make(_ client: HTTPClient) -> any PaymentProvider {
    ProviderClient(client: client, baseURL: self.url, timeout: self.timeout)
  }
}
