/// The escapes of JSON's strings.
enum JSONEscapes {
  /// - Returns: nil: an escape means nothing, or half of a character, or NUL, or the text is no UTF-8.
  static func unescaped(_ text: UnsafeBufferPointer<UInt8>) -> String? {
    // An escape is ASCII: what is UTF-8 with them is so between them.
    guard String(validating: text, as: UTF8.self) != nil else { return nil }
    var isPlain = true
    // No escape is shorter than what it stands for.
    let value = String(unsafeUninitializedCapacity: text.count) { output in
      var (from, to) = (0, 0)
      while from < text.count {
        guard text[from] == UInt8(ascii: "\\") else {
          output[to] = text[from]
          from += 1
          to += 1
          continue
        }
        guard let scalar = scalar(text, &from), let encoded = UTF8.encode(scalar) else {
          isPlain = false
          return 0
        }
        for byte in encoded {
          output[to] = byte
          to += 1
        }
      }
      return to
    }
    return isPlain ? value : nil
  }

  /// - Parameter index: of the backslash; afterwards that of what follows the escape.
  private static func scalar(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> Unicode.Scalar? {
    guard index + 1 < text.count else { return nil }
    let byte = text[index + 1]
    index += 2
    switch byte {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): break
    default: return nil
    }
    guard let unit = hex(text, &index), unit != 0 else { return nil }
    guard UTF16.isLeadSurrogate(unit) else { return Unicode.Scalar(unit) }
    guard index + 1 < text.count, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u") else {
      return nil
    }
    index += 2
    guard let trail = hex(text, &index), UTF16.isTrailSurrogate(trail) else { return nil }
    return Unicode.Scalar(0x10000 + (UInt32(unit) & 0x3FF) << 10 + UInt32(trail) & 0x3FF)
  }

  private static func hex(_ text: UnsafeBufferPointer<UInt8>, _ index: inout Int) -> UInt16? {
    guard index + 4 <= text.count else { return nil }
    var unit: UInt16 = 0
    for byte in text[index..<index + 4] {
      guard let digit = UUIDText.digit(byte) else { return nil }
      unit = unit << 4 | UInt16(digit)
    }
    index += 4
    return unit
  }
}
