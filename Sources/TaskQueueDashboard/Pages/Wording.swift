import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Numbers, times and texts for people.
enum Wording {
  /// `1,204`.
  static func count(_ number: Int) -> String {
    let digits = Array(String(number.magnitude))
    var text = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index) % 3 == 0 { text += "," }
      text.append(digit)
    }
    return number < 0 ? "−\(text)" : text
  }

  /// `1,000+`.
  static func count(_ count: BoundedCount) -> String { self.count(count.value) + (count.isMore ? "+" : "") }

  /// `1 task`, `2 tasks`.
  static func count(_ number: Int, _ noun: String) -> String { "\(count(number)) \(noun)\(number == 1 ? "" : "s")" }

  /// `a`, `a or b`, `a, b or c`.
  static func list(_ words: [String], _ junction: String) -> String {
    guard words.count > 1, let last = words.last else { return words.first ?? "" }
    return "\(words.dropLast().joined(separator: ", ")) \(junction) \(last)"
  }

  /// `4 s`, `3 min`, `2 h`, `5 d`; two digits of precision will do.
  static func span(_ seconds: Double) -> String {
    let seconds = seconds.isFinite ? max(0, min(seconds, 1e11)) : 0
    return switch seconds {
    case ..<1: "less than 1 s"
    case ..<100: "\(Int(seconds)) s"
    case ..<6_000: "\(Int(seconds / 60)) min"
    case ..<172_800: "\(Int(seconds / 3_600)) h"
    default: "\(count(Int(seconds / 86_400))) d"
    }
  }

  static func span(_ duration: Duration) -> String {
    let seconds = duration / .seconds(1)
    return seconds < 1 ? "\(count(Int((seconds * 1_000).rounded()))) ms" : span(seconds)
  }

  /// `4 min ago`, `in 2 h`, `now`.
  static func relative(_ date: Date, to now: Date) -> String {
    let seconds = date.timeIntervalSince(now)
    if abs(seconds) < 1 { return "now" }
    return seconds < 0 ? "\(span(-seconds)) ago" : "in \(span(seconds))"
  }

  /// `2026-01-31 04:00:00`, in UTC.
  static func utc(_ date: Date) -> String { String(iso(date).dropLast().map { $0 == "T" ? " " : $0 }) }

  /// `2026-01-31T04:00:00Z`.
  static func iso(_ date: Date) -> String {
    let bounded = Date(timeIntervalSince1970: max(-62_135_596_800, min(date.timeIntervalSince1970, 253_402_300_799)))
    return bounded.formatted(.iso8601)
  }

  /// Reads what ``iso(_:)`` writes, also without seconds or zone, as fields for times send it.
  static func instant(_ text: String) -> Date? {
    var text = text.replacing(" ", with: "T")
    if !text.hasSuffix("Z") { text += text.count == 16 ? ":00Z" : "Z" }
    return try? Date(text, strategy: .iso8601)
  }

  /// A sentence of the store: its instants as ``utc(_:)`` tells them, with how far away they are.
  static func sentence(_ text: String, at now: Date) -> String {
    text.replacing(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/) { match in
      guard let date = instant(String(match.output)) else { return String(match.output) }
      return "\(utc(date)) (\(relative(date, to: now)))"
    }
  }

  /// A step as its flow names it; those of the library in words: `~event/paid/7` is "event paid/7".
  static func step(_ name: String) -> String {
    guard name.hasPrefix("~") else { return name }
    let parts = name.dropFirst().split(separator: "/", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { return name }
    let words = ["event": "event", "ended": "children", "version": "version", "on": "handler", "undo": "undo"]
    return words[parts[0]].map { "\($0) \(parts[1])" } ?? name
  }

  /// The first line, cut.
  static func line(_ text: String, atMost count: Int = 240) -> String {
    let first = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
    return first.count > count ? "\(first.prefix(count))…" : first
  }

  /// JSON with its lines indented as it is read best; as it is if it is none.
  static func json(_ data: Data, atMost bytes: Int = 65_536) -> String {
    let text = String(decoding: data.prefix(bytes), as: UTF8.self)
    guard data.count <= bytes else { return "\(text)…\n(\(count(data.count)) bytes, cut)" }
    return JSONLayout.indented(text)
  }
}

/// Lays JSON out on lines, without changing what it says: numbers and names stay as they were written.
enum JSONLayout {
  static func indented(_ text: String) -> String {
    var result = ""
    var depth = 0
    var isInString = false
    var isEscaped = false
    var last: Character = " "
    func newLine() { result += "\n" + String(repeating: "  ", count: depth) }
    for character in text {
      if isInString {
        result.append(character)
        if isEscaped {
          isEscaped = false
        } else if character == "\\" {
          isEscaped = true
        } else if character == "\"" {
          isInString = false
        }
        last = character
        continue
      }
      switch character {
      case "{", "[":
        result.append(character)
        depth = min(depth + 1, 64)
        newLine()
      case "}", "]":
        depth = max(depth - 1, 0)
        if last == "{" || last == "[" {
          while result.last?.isWhitespace == true { result.removeLast() }
        } else {
          newLine()
        }
        result.append(character)
      case ",":
        result.append(character)
        newLine()
      case ":": result += ": "
      case " ", "\n", "\t", "\r": continue
      default:
        isInString = character == "\""
        result.append(character)
      }
      last = character
    }
    return result
  }
}
