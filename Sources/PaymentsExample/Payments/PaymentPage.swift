/// The answer to `GET /payments`.
struct PaymentPage: Codable, Equatable, Sendable {
  var payments: [Payment]
  /// Asks for the page after this; nil: this is the last.
  var next: String?
}
