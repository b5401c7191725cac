/// Where a payment stands, by our own books.
///
/// `CREATED` is ours; everything else is what the provider said last, but `FAILED`, which both of us say.
package struct PaymentStatus: RawRepresentable, Hashable, Codable, Sendable, CustomStringConvertible {
  /// Of a provider's own word for a status; the rest is cut off.
  static let maxLength = 64

  package var rawValue: String

  package init(rawValue: String) {
    self.rawValue = rawValue
  }

  /// What the provider says of a payment or a refund, as our books have it. REJECTED is one more word for FAILED. CREATED, nothing at all and
  /// the words for disputes mean nothing in its mouth: words that the contract doesn't know there, as one with control characters is.
  package init(_ status: ProviderStatus) {
    let text = String(
      status.rawValue.unicodeScalars.prefix(Self.maxLength).map { $0.value >= 0x20 ? Character($0) : "?" }
    )
    rawValue =
      switch text {
      case "", Self.created.rawValue, Refund.open, Refund.won, Refund.lost: text + "?"
      case ProviderStatus.rejected.rawValue: Self.failed.rawValue
      default: text
      }
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
  /// Final: the money moved and came back.
  package static let returned = Self(rawValue: "RETURNED")

  /// Nobody waits for it any more. Only one that is DONE may still change: to RETURNED.
  package var isFinal: Bool { [.done, .cancelled, .failed, .returned].contains(self) }

  /// Whether the contract knows the word; any other is waited on for a while only.
  var isKnown: Bool { isFinal || Self.underWay.contains(self) }

  private static let underWay = [created, initial, processing]

  /// Final without money moved.
  var movedNothing: Bool { self == .cancelled || self == .failed }

  package var description: String { rawValue }
}

extension ProviderStatus {
  package init(_ status: PaymentStatus) {
    self.init(rawValue: status.rawValue)
  }
}
