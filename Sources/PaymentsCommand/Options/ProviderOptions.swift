import ArgumentParser
import AsyncHTTPClient
import PaymentsExample
import PaymentsLab

/// How to reach the payment providers.
struct ProviderOptions: ParsableArguments {
  @Option(
    name: .customLong("provider"),
    help: """
      A provider: NAME=URL for one that speaks our contract, NAME=stripe; repeat it for several. A payment stays with the \
      name that it was accepted for. Without a name, `http` or `stripe`: the only one, named `provider`.
      """
  )
  var providers: [String] = []

  @Option(name: .customLong("provider-url"), help: "Where `http` is.")
  var url = "http://127.0.0.1:8090"

  @Option(
    name: .customLong("provider-key"),
    help: """
      A bearer token for a provider that speaks our contract: NAME=KEY, or KEY if there is one provider. Rather set \
      \(SecretOption.providerKey): everybody on the machine can read a command line.
      """
  )
  var keys: [String] = []

  @Option(
    name: .customLong("provider-timeout"),
    help: "Longest wait for an answer of a provider. (default: 10s)",
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

  /// One that was asked for.
  struct Target: Equatable {
    var name: String
    /// Of one that speaks our contract; nil: Stripe.
    var url: String?
  }

  /// In the order given.
  /// - Throws: ``CommandError`` if two have one name, or are one: each would take the other's payments for orphans.
  func targets() throws -> [Target] {
    var targets: [Target] = []
    for text in providers.isEmpty ? ["http"] : providers {
      let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      // A URL may have the sign in it, but not before a colon.
      let isNamed = parts.count == 2 && !parts[0].contains(":")
      let (name, what) = isNamed ? (parts[0], parts[1]) : (PaymentProviders.defaultName, text)
      let target = Target(name: name, url: what == "stripe" ? nil : what == "http" ? url : what)
      guard !targets.contains(where: { $0.name == target.name }) else {
        throw CommandError("--provider \(target.name) is there twice: give each a name of its own, NAME=URL.")
      }
      guard !targets.contains(where: { $0.url == target.url }) else {
        throw CommandError("--provider \(target.name) is one that has another name already.")
      }
      targets.append(target)
    }
    return targets
  }

  /// The one place where providers are made.
  /// - Parameters:
  ///   - namespace: the database's ``PaymentNamespace``.
  ///   - primary: whom new payments go to; nil: the first.
  /// - Throws: ``CommandError`` if the options don't fit them.
  func make(_ client: HTTPClient, namespace: String, primary: String? = nil) throws -> PaymentProviders {
    let targets = try targets()
    let keys = try SecretOption.byProvider(self.keys, variable: SecretOption.providerKey, names: targets.map(\.name))
    var made: [String: any PaymentProvider] = [:]
    for target in targets {
      let key = keys[target.name]?.first
      guard let url = target.url else {
        guard key == nil else { throw CommandError("Stripe's key is --stripe-key, or \(StripeKey.variable).") }
        let configuration = try stripe.configuration(namespace: namespace, timeout: timeout)
        made[target.name] = StripeClient(client: client, configuration: configuration)
        continue
      }
      try OutgoingURL.check(url, option: "--provider \(target.name)", isInsecure: insecure)
      guard key?.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) ?? true else {
        throw CommandError("The key of provider \(target.name) has characters that no header can carry.")
      }
      made[target.name] = ProviderClient(client: client, baseURL: url, key: key, namespace: namespace, timeout: timeout)
    }
    return try PaymentProviders(made, primary: primary ?? targets[0].name)
  }
}
