/// Where a page ended. Opaque to clients: what we gave comes back.
struct PageCursor: Equatable, Sendable {
  /// Digits of its text, hexadecimal.
  static let length = 16

  var paymentId: Int64

  init(paymentId: Int64) {
    self.paymentId = paymentId
  }

  /// nil if it isn't one. One that we never gave leads to an empty page.
  init?(_ text: String) {
    let isPlain = text.utf8.allSatisfy { $0 != UInt8(ascii: "+") && $0 != UInt8(ascii: "-") }
    guard isPlain, text.utf8.count == Self.length, let bits = UInt64(text, radix: 16) else { return nil }
    paymentId = Int64(bitPattern: bits)
  }

  /// Fit for a URL without escapes.
  var text: String {
    let digits = String(UInt64(bitPattern: paymentId), radix: 16)
    return String(repeating: "0", count: Self.length - digits.count) + digits
  }
}
