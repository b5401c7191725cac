import Crypto
import Foundation

/// A bearer key: `pay_<id>_<secret>`. The id is public and says which row it is; the secret is 256 random bits.
package struct APIKey: Sendable {
  private static let prefix = "pay_"
  private static let idLength = 16
  /// Of 256 bits in base64.
  private static let secretLength = 43

  package let id: String
  private let secret: String

  /// A new one. Shown once: only its hash is kept.
  package init() {
    id = SymmetricKey(size: .init(bitCount: 64)).withUnsafeBytes { bytes in
      bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }
    secret = SymmetricKey(size: .bits256).withUnsafeBytes { Data($0).base64EncodedString() }
      .replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
  }

  /// Reads the value of an `Authorization` header; nil: it has no key in it.
  init?(authorization: String) {
    let parts = authorization.split(separator: " ", maxSplits: 1)
    guard parts.count == 2, parts[0].lowercased() == "bearer" else { return nil }
    self.init(String(parts[1].drop { $0 == " " }))
  }

  package init?(_ text: String) {
    let bytes = Array(text.utf8)
    let idEnd = Self.prefix.utf8.count + Self.idLength
    guard
      bytes.count == idEnd + 1 + Self.secretLength, text.hasPrefix(Self.prefix), bytes[idEnd] == UInt8(ascii: "_")
    else { return nil }
    id = String(decoding: bytes[Self.prefix.utf8.count..<idEnd], as: UTF8.self)
    secret = String(decoding: bytes[(idEnd + 1)...], as: UTF8.self)
  }

  package var text: String { "\(Self.prefix)\(id)_\(secret)" }

  var hash: Data { Data(SHA256.hash(data: Data(secret.utf8))) }

  /// Takes the same time wherever they differ.
  func fits(_ hash: Data) -> Bool {
    SHA256.hash(data: Data(secret.utf8)) == hash
  }
}
