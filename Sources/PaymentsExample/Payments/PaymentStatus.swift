/// Where a payment stands, by our own books.
///
/// `CREATED` and `FAILED` are ours; everything else is what the provider said last.
struct PaymentStatus: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  /// Of a provider's own word for a status; the rest is cut off.
  static let maxLength = 64

  var rawValue: String

  init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// What the provider says, as our books have it. Our own two words mean nothing in a provider's mouth: the payment is
  /// then neither new nor final, so it is waited on.
  init(_ status: ProviderStatus) {
    let text = String(status.rawValue.unicodeScalars.filter { $0.value >= 0x20 }.prefix(Self.maxLength))
    self.rawValue = ["", Self.created.rawValue, Self.failed.rawValue].contains(text) ? "PROCESSING" : text
  }

  /// Accepted; the provider may not know it yet.
  static let created = Self(rawValue: "CREATED")
  static let initial = Self(rawValue: "INIT")
  static let processing = Self(rawValue: "PROCESSING")
  /// Final: no money moved.
  static let cancelled = Self(rawValue: "CANCELLED")
  /// Final: the money moved.
  static let done = Self(rawValue: "DONE")
  /// Final: refused or declined, and no money moved; ``Payment/failure`` says why.
  static let failed = Self(rawValue: "FAILED")

  /// Nothing will change any more.
  var isFinal: Bool {
    self == .done || self == .cancelled || self == .failed
  }

  var description: String { self.rawValue }
}
