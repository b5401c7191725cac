#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The bytes that a signature is made over.
struct SignedContent {
  /// Of HMAC-SHA256.
  static let codeBytes = 32
  /// In one header; more is no signature.
  static let maxSignatures = 16

  private let bytes: [UInt8]

  /// - Parameter prefix: what stands before the body, with its full stop.
  init(_ prefix: String, _ body: some DataProtocol) {
    bytes = Array(prefix.utf8) + Array(body)
  }

  func code(_ key: SigningKey) -> [UInt8] {
    key.code(bytes)
  }

  /// - Throws: `mismatch` unless one of the keys made one of the codes. Takes the same time wherever a code differs, and whichever fits.
  func check(_ codes: [[UInt8]], _ keys: [SigningKey]) throws(SignatureError) {
    var fits = false
    for key in keys {
      let own = code(key)
      for code in codes where SigningKey.areEqual(code, own) { fits = true }
    }
    guard fits else { throw SignatureError(.mismatch) }
  }

  /// - Parameter seconds: since 1970, in decimal digits.
  /// - Throws: `malformed`; `expired` if that is more than `tolerance` away from `now`.
  static func checkAge(_ seconds: some StringProtocol, _ now: Date, _ tolerance: Duration) throws(SignatureError) {
    guard seconds.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let time = Int64(seconds)
    else { throw SignatureError(.malformed) }
    guard abs(Double(time) - now.timeIntervalSince1970) <= tolerance / .seconds(1) else {
      throw SignatureError(.expired)
    }
  }
}
