/// One page of the provider's books.
struct ProviderPage: Codable, Equatable, Sendable {
  var payments: [ProviderPayment]
  /// Asks for the page after this; nil: this is the last.
  var next: String?
}
