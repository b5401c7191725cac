#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

enum UUIDText {
  private static let byteCount = 16

  /// - Returns: nil: it is not of the form 8-4-4-4-12, in hexadecimal digits of either case.
  static func value(of text: UnsafeBufferPointer<UInt8>) -> UUID? {
    guard text.count == 36 else { return nil }
    var bytes: (UInt64, UInt64) = (0, 0)
    return withUnsafeMutableBytes(of: &bytes) { bytes in
      var at = 0
      for index in 0..<byteCount {
        if at == 8 || at == 13 || at == 18 || at == 23 {
          guard text[at] == UInt8(ascii: "-") else { return nil }
          at += 1
        }
        guard let high = digit(text[at]), let low = digit(text[at + 1]) else { return nil }
        bytes[index] = high << 4 | low
        at += 2
      }
      return UUID(uuid: bytes.loadUnaligned(as: uuid_t.self))
    }
  }

  /// Capital letters, as Foundation writes it, in a quarter of its time.
  static func text(of value: UUID) -> String {
    withUnsafeBytes(of: value.uuid) { bytes in
      String(unsafeUninitializedCapacity: 36) { text in
        var at = 0
        for byte in bytes {
          if at == 8 || at == 13 || at == 18 || at == 23 {
            text[at] = UInt8(ascii: "-")
            at += 1
          }
          text[at] = digits[Int(byte >> 4)]
          text[at + 1] = digits[Int(byte & 0xF)]
          at += 2
        }
        return at
      }
    }
  }

  private static let digits = Array("0123456789ABCDEF".utf8)

  /// Of a hexadecimal digit.
  static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}
