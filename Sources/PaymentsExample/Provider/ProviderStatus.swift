/// Where a payment stands at the provider.
///
/// The four known statuses are named; any other text a provider sends is kept as it came and waited on.
struct ProviderStatus: RawRepresentable, Hashable, Codable, Sendable {
  var rawValue: String

  init(rawValue: String) {
    self.rawValue = rawValue
  }

  init(_ status: PaymentStatus) {
    self.rawValue = status.rawValue
  }

  /// Registered; no money moves until `execute` is called.
  static let initial = Self(rawValue: "INIT")
  /// Told to execute; the outcome is open.
  static let processing = Self(rawValue: "PROCESSING")
  /// Final: no money moved.
  static let cancelled = Self(rawValue: "CANCELLED")
  /// Final: the money moved.
  static let done = Self(rawValue: "DONE")

  var isFinal: Bool {
    self == .done || self == .cancelled
  }
}
