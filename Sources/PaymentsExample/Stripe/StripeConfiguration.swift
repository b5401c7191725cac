import Foundation

/// How Stripe is reached, and what is paid with.
package struct StripeConfiguration: Sendable {
  package static let defaultURL = "https://api.stripe.com"
  static let namespaceLengths = 1...64

  package var key: StripeKey
  /// Without a slash at the end.
  package var url: String
  /// What every payment is made with: a PaymentMethod of the account.
  package var paymentMethod: String
  /// Its type. Named, so that Stripe offers no others and asks for no URL to return to.
  package var paymentMethodType: String
  /// Goes into every object's metadata, and tells our books from those of other databases in the account: ``PaymentNamespace``.
  package var namespace: String
  /// How far back a payment is looked for by our reference. See ``StripeClient/payments(reference:)``.
  package var lookback: Duration
  /// For one call, from connecting to the last byte of the answer.
  package var timeout: Duration

  /// - Throws: ``CommandError`` if the key would travel unprotected, or a text isn't one that Stripe can take.
  package init(
    key: StripeKey,
    url: String = defaultURL,
    paymentMethod: String,
    paymentMethodType: String = "card",
    namespace: String,
    lookback: Duration = .seconds(48 * 3600),
    timeout: Duration = .seconds(30)
  ) throws {
    self.key = key
    self.url = url.hasSuffix("/") ? String(url.dropLast()) : url
    self.paymentMethod = paymentMethod
    self.paymentMethodType = paymentMethodType
    self.namespace = namespace
    self.lookback = lookback
    self.timeout = timeout
    try validate()
  }

  private func validate() throws {
    let url = URL(string: self.url)
    let isLoopback = ["127.0.0.1", "localhost", "::1", "[::1]"].contains(url?.host ?? "")
    guard let url, url.host != nil, url.scheme == "https" || (url.scheme == "http" && isLoopback && !key.isLive)
    else {
      throw CommandError("Stripe is reached by https; a test key also by http on this machine.")
    }
    guard !paymentMethod.isEmpty, !paymentMethodType.isEmpty else {
      throw CommandError("A payment method and its type are needed to pay with Stripe.")
    }
    let isPlain = namespace.utf8.allSatisfy { (0x21...0x7E).contains($0) }
    guard isPlain, Self.namespaceLengths.contains(namespace.utf8.count) else {
      throw CommandError("A namespace has 1 to 64 printable ASCII characters without spaces.")
    }
    guard lookback >= .zero else { throw CommandError("Looking back goes into the past: 0s or more.") }
  }
}
