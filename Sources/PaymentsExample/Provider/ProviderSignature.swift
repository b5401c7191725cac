import Crypto
package import Foundation

/// The header `Provider-Signature: t=<unix seconds>,v1=<hex HMAC-SHA256(secret, "t.body")>`.
///
/// Computed over the body's bytes as they came, so it is checked before anybody parses them. Several `v1` are accepted,
/// one of them has to fit: while a secret is changed, the provider signs with the old one and the new one.
package enum ProviderSignature {
  package static let header = "Provider-Signature"
  /// How far the provider's clock, and the way here, may be off. Older ones may be replays.
  static let tolerance = Duration.seconds(300)
  /// Of the header's value; more is no signature.
  static let maxBytes = 4096
  /// In one header.
  static let maxSignatures = 16

  package static func make(body: some DataProtocol, secret: String, at time: Date) -> String {
    let seconds = Int64(time.timeIntervalSince1970)
    let code = self.code(seconds: "\(seconds)", body: body, secret: secret)
    return "t=\(seconds),v1=\(code.map { hexadecimal($0) }.joined())"
  }

  /// Whether one of the secrets signed this body within ``tolerance`` of `now`. Takes the same time wherever a signature
  /// differs.
  static func isValid(_ value: String?, body: some DataProtocol, secrets: [String], now: Date) -> Bool {
    guard let value, value.utf8.count <= maxBytes else { return false }
    var time: Substring?
    var signatures: [[UInt8]] = []
    for part in value.split(separator: ",") {
      let pair = part.drop { $0 == " " }.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard pair.count == 2 else { return false }
      if pair[0] == "t" {
        guard time == nil else { return false }
        time = pair[1]
      } else if pair[0] == "v1", let bytes = bytes(hexadecimal: pair[1]) {
        signatures.append(bytes)
      }
    }
    guard
      let time, let seconds = Int64(time), signatures.count <= maxSignatures,
      abs(Double(seconds) - now.timeIntervalSince1970) <= tolerance / .seconds(1)
    else { return false }
    var isValid = false
    for secret in secrets where !secret.isEmpty {
      let key = SymmetricKey(data: Data(secret.utf8))
      let signed = Data("\(time).".utf8) + Data(body)
      for signature in signatures {
        let fits = HMAC<SHA256>.isValidAuthenticationCode(signature, authenticating: signed, using: key)
        if fits { isValid = true }
      }
    }
    return isValid
  }

  private static func code(seconds: String, body: some DataProtocol, secret: String) -> HMAC<SHA256>.MAC {
    HMAC<SHA256>.authenticationCode(
      for: Data("\(seconds).".utf8) + Data(body),
      using: SymmetricKey(data: Data(secret.utf8))
    )
  }

  private static func hexadecimal(_ byte: UInt8) -> String {
    let text = String(byte, radix: 16)
    return byte < 16 ? "0" + text : text
  }

  /// nil if it isn't the hexadecimal form of a SHA-256.
  private static func bytes(hexadecimal text: Substring) -> [UInt8]? {
    let digits = text.utf8.map { Character(UnicodeScalar($0)).hexDigitValue }
    guard digits.count == 2 * SHA256.byteCount else { return nil }
    var bytes: [UInt8] = []
    for index in stride(from: 0, to: digits.count, by: 2) {
      guard let high = digits[index], let low = digits[index + 1] else { return nil }
      bytes.append(UInt8(high * 16 + low))
    }
    return bytes
  }
}
