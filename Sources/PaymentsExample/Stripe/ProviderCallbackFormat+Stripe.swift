import Foundation

extension ProviderCallbackFormat {
  /// Stripe's events. Their signature has the scheme of our own contract; the secret is the endpoint's `whsec_…`.
  ///
  /// https://docs.stripe.com/webhooks, "Verify webhook signatures manually"
  static func stripe(namespace: String) -> Self {
    Self(
      signatureHeader: "Stripe-Signature",
      schema: "StripeEvent",
      example: StripeEvent.example,
      decode: { try JSONDecoder().decode(StripeEvent.self, from: $0).callback(namespace: namespace) }
    )
  }
}
