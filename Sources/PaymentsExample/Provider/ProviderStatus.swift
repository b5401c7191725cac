/// Where a payment stands at the provider.
///
/// The known statuses are named; any other text a provider sends is kept as it came and waited on.
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
  /// Final: it could not be carried out, and no money moved.
  package static let failed = Self(rawValue: "FAILED")
  /// Final: it was not accepted, and no money moved.
  package static let rejected = Self(rawValue: "REJECTED")
  /// Final: the money moved and came back.
  package static let returned = Self(rawValue: "RETURNED")

  package var isFinal: Bool { PaymentStatus(self).isFinal }
}
