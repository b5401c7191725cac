/// The statements of one of our own SQL files, without comments. Knows quotes and dollar quotes without a tag.
enum SQLScript {
  static func statements(_ text: String) -> [String] {
    var statements: [String] = []
    var current = ""
    var rest = Substring(text)
    while let character = rest.first {
      if rest.hasPrefix("--") {
        rest = rest.drop { !$0.isNewline }
      } else if rest.hasPrefix("$$") {
        let body = rest.dropFirst(2)
        let end = body.firstRange(of: "$$")?.upperBound ?? body.endIndex
        current += rest[..<end]
        rest = rest[end...]
      } else if character == "'" {
        let body = rest.dropFirst()
        let end = body.firstIndex(of: "'").map { body.index(after: $0) } ?? body.endIndex
        current += rest[..<end]
        rest = rest[end...]
      } else if character == ";" {
        statements.append(normalized(current))
        current = ""
        rest = rest.dropFirst()
      } else {
        current.append(character)
        rest = rest.dropFirst()
      }
    }
    return (statements + [normalized(current)]).filter { !$0.isEmpty }
  }

  /// What stands between commas outside of parentheses and quotes.
  static func items(_ list: Substring) -> [String] {
    var items: [String] = [""]
    var depth = 0
    var isQuoted = false
    for character in list {
      switch character {
      case "'": isQuoted.toggle()
      case "(" where !isQuoted: depth += 1
      case ")" where !isQuoted: depth -= 1
      default: break
      }
      if character == ",", depth == 0, !isQuoted { items.append("") } else { items[items.count - 1].append(character) }
    }
    return items.map { normalized($0) }.filter { !$0.isEmpty }
  }

  /// What stands in the first pair of parentheses.
  static func parenthesized(_ text: some StringProtocol) -> Substring {
    let text = Substring(text)
    guard let start = text.firstIndex(of: "(") else { return "" }
    var depth = 0
    var isQuoted = false
    for index in text[start...].indices {
      switch text[index] {
      case "'": isQuoted.toggle()
      case "(" where !isQuoted: depth += 1
      case ")" where !isQuoted:
        depth -= 1
        if depth == 0 { return text[text.index(after: start)..<index] }
      default: break
      }
    }
    return text[text.index(after: start)...]
  }

  private static func normalized(_ text: String) -> String {
    text.split(whereSeparator: \.isWhitespace).joined(separator: " ")
  }
}
