/// What the provider posts to the callback URL when a payment's status changes.
package struct ProviderCallback: Codable, Equatable, Sendable {
  /// Signs it, in the form of `CallbackSignature`.
  package static let signatureHeader = "Provider-Signature"
  /// Longest of its texts, in code points.
  static let maxTextLength = 255

  /// Repeated deliveries of one event carry the same id.
  package var eventId: String
  package var paymentProviderId: String
  /// A hint only: whoever receives it asks the provider.
  package var status: ProviderStatus

  package init(eventId: String, paymentProviderId: String, status: ProviderStatus) {
    self.eventId = eventId
    self.paymentProviderId = paymentProviderId
    self.status = status
  }

  /// Whether every text has 1 to ``maxTextLength`` characters and can be stored.
  var isValid: Bool {
    [eventId, paymentProviderId, status.rawValue].allSatisfy {
      (1...Self.maxTextLength).contains($0.unicodeScalars.count) && !$0.utf8.contains(0)
    }
  }
}
