/// What the provider registered: a payment or a refund.
struct ProviderRegistration: Codable, Equatable, Sendable {
  var id: String
  /// As of the answer that brought the id; nil: read from our ledger of effects. It isn't stored there, as it changes.
  var status: ProviderStatus?

  private enum CodingKeys: String, CodingKey {
    case id
  }

  init(id: String, status: ProviderStatus? = nil) {
    self.id = id
    self.status = status
  }
}
