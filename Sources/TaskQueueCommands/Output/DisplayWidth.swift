/// How many columns of a terminal a text takes.
enum DisplayWidth {
  /// Of ``PlainText/line(_:)``'s.
  static func of(_ text: String) -> Int {
    if text.utf8.allSatisfy({ 0x20...0x7E ~= $0 }) { return text.utf8.count }
    return text.reduce(0) { $0 + of($1) }
  }

  static func of(_ character: Character) -> Int {
    var width = 0
    for scalar in character.unicodeScalars {
      if scalar.value == 0xFE0F { return 2 }
      width = max(width, of(scalar))
    }
    return width
  }

  /// Two columns as Unicode's East Asian Width says (W and F), none for what stands upon another character.
  private static func of(_ scalar: Unicode.Scalar) -> Int {
    switch scalar.value {
    case ..<0x300: return 1
    case 0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
      0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE10...0xFE19, 0xFE30...0xFE6F, 0xFF00...0xFF60,
      0xFFE0...0xFFE6, 0x16FE0...0x18DFF, 0x1AFF0...0x1B2FF, 0x1F200...0x1F2FF, 0x20000...0x3FFFD:
      return 2
    default: break
    }
    if scalar.properties.isEmojiPresentation { return 2 }
    switch scalar.properties.generalCategory {
    case .nonspacingMark, .enclosingMark, .format: return 0
    default: return 1
    }
  }

  /// Cut at the end to so many columns, with an ellipsis if anything is cut.
  static func cut(_ text: String, to width: Int) -> String {
    guard of(text) > width else { return text }
    guard width > 0 else { return "" }
    var taken = ""
    var used = 0
    for character in text {
      let next = of(character)
      guard used + next <= width - 1 else { break }
      taken.append(character)
      used += next
    }
    return taken + "…"
  }

  /// Broken into lines of at most so many columns, at spaces where there are any.
  static func wrapped(_ text: String, to width: Int) -> [String] {
    guard width > 0 else { return [text] }
    var lines: [String] = []
    var line = ""
    var used = 0
    for word in text.split(separator: " ", omittingEmptySubsequences: false) {
      var word = String(word)
      var size = of(word)
      if !line.isEmpty, used + 1 + size > width {
        lines.append(line)
        (line, used) = ("", 0)
      }
      while size > width {
        let head = String(
          word.prefix { character in
            used += of(character)
            return used <= width
          }
        )
        lines.append(head)
        word.removeFirst(max(1, head.count))
        (size, used) = (of(word), 0)
      }
      line += line.isEmpty ? word : " \(word)"
      used = of(line)
    }
    return lines + [line]
  }
}
