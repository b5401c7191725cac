/// What the provider posts to the callback URL when a payment becomes final.
struct ProviderCallback: Codable, Equatable, Sendable {
  /// Repeated deliveries of one event carry the same id.
  var eventId: String
  var paymentProviderId: String
  /// A hint only: whoever receives it asks the provider.
  var status: ProviderStatus
}
