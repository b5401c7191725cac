/// Names, labels and numbers as the text format has them.
enum PrometheusName {
  /// Longer values of labels are cut.
  private static let maxValueBytes = 256

  /// Letters, digits, underscores and colons, not beginning with a digit.
  static func metric(_ name: String) -> String { plain(name, allowsColon: true) }

  /// `operation="x",status="200"`, sorted; empty: none. Of two with one name the first counts.
  static func labels(_ dimensions: [(String, String)], isHistogram: Bool) -> String {
    var values: [String: String] = [:]
    for (name, value) in dimensions {
      var name = plain(name, allowsColon: false)
      // Names that begin with two underscores are Prometheus' own, `le` is the histogram's.
      while name.hasPrefix("__") { name.removeFirst() }
      if isHistogram, name == "le" { name = "le_" }
      if values[name] == nil { values[name] = value }
    }
    return values.sorted { $0.key < $1.key }.map { "\($0.key)=\"\(escaped($0.value))\"" }.joined(separator: ",")
  }

  static func escapedHelp(_ text: String) -> String { escaped(text, quotes: false) }

  /// By Unicode scalars: to Swift a quote with an accent is one character, and no quote; to Prometheus it ends the value.
  private static func escaped(_ text: String, quotes: Bool) -> String {
    var result = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\\": result.append(contentsOf: #"\\"#.unicodeScalars)
      case "\n": result.append(contentsOf: #"\n"#.unicodeScalars)
      case "\"" where quotes: result.append(contentsOf: #"\""#.unicodeScalars)
      default: result.append(scalar)
      }
    }
    return String(result)
  }

  static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    guard value.isFinite else { return value < 0 ? "-Inf" : "+Inf" }
    // Exact, and without a fraction that is none.
    if value == value.rounded(), abs(value) < 9e15 { return String(Int64(value)) }
    return String(value)
  }

  private static func escaped(_ value: String) -> String {
    var value = value
    if value.utf8.count > maxValueBytes {
      value = String(decoding: value.utf8.prefix(maxValueBytes), as: UTF8.self) + "…"
    }
    return escaped(value, quotes: true)
  }

  private static func plain(_ name: String, allowsColon: Bool) -> String {
    let characters = name.unicodeScalars.map { scalar -> Character in
      let isPlain =
        switch scalar {
        case "a"..."z", "A"..."Z", "0"..."9", "_": true
        case ":": allowsColon
        default: false
        }
      return isPlain ? Character(scalar) : "_"
    }
    guard let first = characters.first, !first.isNumber else { return "_" + String(characters) }
    return String(characters)
  }
}
