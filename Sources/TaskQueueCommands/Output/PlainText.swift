/// Text of others, made safe for a terminal: on one line, and with nothing in it that a terminal obeys.
enum PlainText {
  /// Control characters, line breaks, what turns the direction of writing, and what cannot be seen are spelled out: `\n`, `\e`, `\x07`, `\u{202E}`.
  static func line(_ text: String) -> String {
    guard text.unicodeScalars.contains(where: isUnsafe) else { return text }
    var safe = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      if isUnsafe(scalar) { safe.append(contentsOf: spelled(scalar).unicodeScalars) } else { safe.append(scalar) }
    }
    return String(safe)
  }

  /// Whether a terminal might obey it, or a reader be misled by it.
  static func isUnsafe(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x20...0x7E: false
    // A joiner of emoji and scripts.
    case 0x200C, 0x200D: false
    case 0x00AD, 0xFFF9...0xFFFB: true
    default:
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .surrogate, .privateUse, .unassigned: true
      default: false
      }
    }
  }

  private static func spelled(_ scalar: Unicode.Scalar) -> String {
    switch scalar {
    case "\n": "\\n"
    case "\r": "\\r"
    case "\t": "\\t"
    case "\u{1B}": "\\e"
    case "\0"..."\u{FF}": "\\x" + padded(String(scalar.value, radix: 16, uppercase: true), to: 2)
    default: "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
    }
  }

  private static func padded(_ text: String, to count: Int) -> String {
    String(repeating: "0", count: max(0, count - text.count)) + text
  }
}
