/// Where a payment stands, by our own books.
///
/// `CREATED` is ours; everything else is what the provider said last.
struct PaymentStatus: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  var rawValue: String

  init(rawValue: String) {
    self.rawValue = rawValue
  }

  init(_ status: ProviderStatus) {
    self.rawValue = status.rawValue
  }

  /// Accepted; the provider may not know it yet.
  static let created = Self(rawValue: "CREATED")
  static let initial = Self(ProviderStatus.initial)
  static let processing = Self(ProviderStatus.processing)
  static let cancelled = Self(ProviderStatus.cancelled)
  static let done = Self(ProviderStatus.done)

  /// Nothing will change any more.
  var isFinal: Bool {
    self == .done || self == .cancelled
  }

  var description: String { self.rawValue }
}
