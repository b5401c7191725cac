/// Where a payment stands, by our own books.
///
/// `CREATED` and `FAILED` are ours; everything else is what the provider said last.
package struct PaymentStatus: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  /// Of a provider's own word for a status; the rest is cut off.
  static let maxLength = 64

  package var rawValue: String

  package init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// What the provider says, as our books have it. Our own two words mean nothing in a provider's mouth: the payment is
  /// then neither new nor final, so it is waited on.
  package init(_ status: ProviderStatus) {
    let text = String(status.rawValue.unicodeScalars.filter { $0.value >= 0x20 }.prefix(Self.maxLength))
    rawValue = ["", Self.created.rawValue, Self.failed.rawValue].contains(text) ? "PROCESSING" : text
  }

  /// Accepted; the provider may not know it yet.
  package static let created = Self(rawValue: "CREATED")
  package static let initial = Self(rawValue: "INIT")
  package static let processing = Self(rawValue: "PROCESSING")
  /// Final: no money moved.
  package static let cancelled = Self(rawValue: "CANCELLED")
  /// Final: the money moved.
  package static let done = Self(rawValue: "DONE")
  /// Final: refused or declined, and no money moved; ``Payment/failure`` says why.
  package static let failed = Self(rawValue: "FAILED")

  /// Nothing will change any more.
  package var isFinal: Bool {
    self == .done || self == .cancelled || self == .failed
  }

  package var description: String { rawValue }
}

extension ProviderStatus {
  package init(_ status: PaymentStatus) {
    self.init(rawValue: status.rawValue)
  }
}
