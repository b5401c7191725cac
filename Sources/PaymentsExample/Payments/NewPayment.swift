/// The body of `POST /payments`.
struct NewPayment: Codable, Equatable, Sendable {
  static let maximumTextBytes = 1000

  var userId: String
  var orderId: String?
  /// In minor units (cents), above zero.
  var amount: Int64
  /// ISO 4217, three capital letters.
  var currency: String
  var description: String

  init(userId: String, orderId: String? = nil, amount: Int64, currency: String, description: String) {
    self.userId = userId
    self.orderId = orderId
    self.amount = amount
    self.currency = currency
    self.description = description
  }

  /// Ids may be texts or whole numbers.
  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func id(_ key: CodingKeys) throws -> String? {
      if let text = try? container.decodeIfPresent(String.self, forKey: key) { return text }
      return try container.decodeIfPresent(Int64.self, forKey: key).map(String.init)
    }
    guard let userId = try id(.userId) else {
      throw DecodingError.keyNotFound(CodingKeys.userId, .init(codingPath: [], debugDescription: "userId is missing"))
    }
    self.userId = userId
    self.orderId = try id(.orderId)
    self.amount = try container.decode(Int64.self, forKey: .amount)
    self.currency = try container.decode(String.self, forKey: .currency)
    self.description = try container.decodeIfPresent(String.self, forKey: .description) ?? ""
  }

  /// What is wrong with it, for the caller; nil: nothing.
  var problem: String? {
    if self.amount <= 0 { return "amount must be above zero, in minor units." }
    let letters = self.currency.utf8
    if letters.count != 3 || !letters.allSatisfy({ (0x41...0x5A).contains($0) }) {
      return "currency must be three capital letters (ISO 4217)."
    }
    let texts = [("userId", self.userId), ("orderId", self.orderId ?? "-"), ("description", self.description)]
    for (name, text) in texts {
      if text.utf8.count > Self.maximumTextBytes { return "\(name) must have at most \(Self.maximumTextBytes) bytes." }
      if text.utf8.contains(0) { return "\(name) must not contain U+0000." }
    }
    if self.userId.isEmpty { return "userId must not be empty." }
    return nil
  }
}
