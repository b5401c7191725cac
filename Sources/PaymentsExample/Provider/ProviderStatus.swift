/// Where a payment stands at the provider.
///
/// The four known statuses are named; any other text a provider sends is kept as it came and waited on.
package struct ProviderStatus: RawRepresentable, Hashable, Codable, Sendable {
  package var rawValue: String

  package init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// Registered; no money moves until `execute` is called.
  package static let initial = Self(rawValue: "INIT")
  /// Told to execute; the outcome is open.
  package static let processing = Self(rawValue: "PROCESSING")
  /// Final: no money moved.
  package static let cancelled = Self(rawValue: "CANCELLED")
  /// Final: the money moved.
  package static let done = Self(rawValue: "DONE")

  package var isFinal: Bool {
    self == .done || self == .cancelled
  }
}
