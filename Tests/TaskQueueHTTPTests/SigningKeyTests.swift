import Crypto
import Foundation
import Testing

@testable import TaskQueueHTTP

@Suite("HMAC-SHA256")
struct SigningKeyTests {
  // RFC 4231, test cases 1, 2 and 6.
  @Test(
    "Gives what the RFC says",
    arguments: [
      (
        Array(repeating: UInt8(0x0B), count: 20), "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"
      ),
      (
        Array("Jefe".utf8), "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
      ),
      (
        Array(repeating: UInt8(0xAA), count: 131), "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"
      ),
    ]
  )
  func vectors(key: [UInt8], message: String, code: String) {
    #expect(Hexadecimal.text(SigningKey(key).code(Array(message.utf8))) == code)
  }

  @Test("Gives what swift-crypto gives, for keys and messages around the sizes of blocks")
  func others() {
    for keyLength in [0, 1, 32, 63, 64, 65, 128] {
      for length in [0, 1, 54, 55, 56, 63, 64, 65, 119, 120, 1000] {
        let key = (0..<keyLength).map { _ in UInt8.random(in: .min ... .max) }
        let message = (0..<length).map { _ in UInt8.random(in: .min ... .max) }
        let theirs = HMAC<SHA256>.authenticationCode(for: message, using: SymmetricKey(data: key))
        #expect(SigningKey(key).code(message) == Array(theirs), "\(key) \(message)")
      }
    }
  }

  @Test("Codes are equal only in every byte, and with the same length")
  func equality() {
    let code = SigningKey([1]).code([])
    #expect(SigningKey.areEqual(code, code))
    for index in code.indices {
      var other = code
      other[index] ^= 1
      #expect(!SigningKey.areEqual(code, other))
    }
    for length in 0..<code.count { #expect(!SigningKey.areEqual(code, Array(code.prefix(length)))) }
  }
}
