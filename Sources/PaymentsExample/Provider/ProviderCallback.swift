/// What the provider posts to the callback URL when a payment's status changes.
struct ProviderCallback: Codable, Equatable, Sendable {
  /// Longest of its texts, in code points.
  static let maxTextLength = 255

  /// Repeated deliveries of one event carry the same id.
  var eventId: String
  var paymentProviderId: String
  /// A hint only: whoever receives it asks the provider.
  var status: ProviderStatus

  /// Whether every text has 1 to ``maxTextLength`` characters and can be stored.
  var isValid: Bool {
    [self.eventId, self.paymentProviderId, self.status.rawValue].allSatisfy {
      (1...Self.maxTextLength).contains($0.unicodeScalars.count) && !$0.utf8.contains(0)
    }
  }
}
