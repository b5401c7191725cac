import Foundation

/// Where a page ended. Opaque to clients: only what we gave comes back.
struct PageCursor: Equatable, Sendable {
  private static let prefix = "p1."

  var paymentId: Int64

  init(paymentId: Int64) {
    self.paymentId = paymentId
  }

  /// nil if it isn't one.
  init?(_ text: String) {
    let padding = String(repeating: "=", count: (4 - text.utf8.count % 4) % 4)
    let base64 = text.replacing("-", with: "+").replacing("_", with: "/") + padding
    guard
      let data = Data(base64Encoded: base64), let plain = String(bytes: data, encoding: .utf8),
      plain.hasPrefix(Self.prefix), let id = Int64(plain.dropFirst(Self.prefix.count))
    else { return nil }
    self.paymentId = id
  }

  /// Fit for a URL without escapes.
  var text: String {
    Data("\(Self.prefix)\(self.paymentId)".utf8).base64EncodedString()
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }
}
