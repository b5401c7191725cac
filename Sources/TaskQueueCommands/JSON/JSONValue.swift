#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// What `--json` prints. Fields keep their order.
indirect enum JSONValue: Sendable {
  case null
  case bool(Bool)
  case int(Int)
  case double(Double)
  case string(String)
  case array([JSONValue])
  case object([(String, JSONValue)])
  /// JSON that others wrote, such as a payload: kept digit for digit.
  case verbatim(String)

  static func text(_ text: String?) -> JSONValue { text.map { .string($0) } ?? .null }
  static func number(_ number: Int?) -> JSONValue { number.map { .int($0) } ?? .null }
  static func id(_ id: Int64?) -> JSONValue { id.map { .int(Int($0)) } ?? .null }

  /// RFC 3339 in UTC with milliseconds; `infinity` of the database is null.
  static func date(_ date: Date?) -> JSONValue {
    guard let date, date > .distantPast, date < .distantFuture else { return .null }
    return .string(date.formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
  }

  static func json(_ data: Data?) -> JSONValue {
    guard let data, !data.isEmpty else { return .null }
    return .verbatim(String(decoding: data, as: UTF8.self))
  }

  func text(isPretty: Bool) -> String {
    var text = ""
    write(to: &text, depth: isPretty ? 0 : nil)
    return text
  }

  /// - Parameter depth: nil: on one line.
  private func write(to text: inout String, depth: Int?) {
    switch self {
    case .null: text += "null"
    case .bool(let value): text += value ? "true" : "false"
    case .int(let value): text += String(value)
    case .double(let value): text += value.isFinite ? "\(value)" : "null"
    case .string(let value):
      text += "\""
      for scalar in value.unicodeScalars { Self.write(scalar, to: &text) }
      text += "\""
    case .verbatim(let value):
      // Outside of ASCII only strings have anything, and there every character may be spelled out.
      for scalar in value.unicodeScalars {
        if scalar.value >= 0x7F, PlainText.isUnsafe(scalar) {
          text += Self.escaped(scalar)
        } else if scalar.value < 0x20 {
          text += " "
        } else {
          text.unicodeScalars.append(scalar)
        }
      }
    case .array(let values):
      Self.write(values.map { (nil, $0) }, between: "[", and: "]", to: &text, depth: depth)
    case .object(let fields):
      Self.write(fields.map { ($0.0, $0.1) }, between: "{", and: "}", to: &text, depth: depth)
    }
  }

  private static func write(
    _ items: [(String?, JSONValue)],
    between open: String,
    and close: String,
    to text: inout String,
    depth: Int?
  ) {
    text += open
    for (index, (name, value)) in items.enumerated() {
      if index > 0 { text += "," }
      if let depth { text += "\n" + String(repeating: "  ", count: depth + 1) }
      if let name {
        JSONValue.string(name).write(to: &text, depth: nil)
        text += depth == nil ? ":" : ": "
      }
      value.write(to: &text, depth: depth.map { $0 + 1 })
    }
    if let depth, !items.isEmpty { text += "\n" + String(repeating: "  ", count: depth) }
    text += close
  }

  private static func write(_ scalar: Unicode.Scalar, to text: inout String) {
    switch scalar {
    case "\"": text += "\\\""
    case "\\": text += "\\\\"
    case "\n": text += "\\n"
    case "\r": text += "\\r"
    case "\t": text += "\\t"
    default: if PlainText.isUnsafe(scalar) { text += escaped(scalar) } else { text.unicodeScalars.append(scalar) }
    }
  }

  /// As UTF-16, so that a terminal meets nothing that it obeys in JSON either.
  private static func escaped(_ scalar: Unicode.Scalar) -> String {
    String(scalar).utf16.map { unit in
      let digits = String(unit, radix: 16)
      return "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
    }.joined()
  }
}

extension JSONValue: ExpressibleByDictionaryLiteral, ExpressibleByArrayLiteral, ExpressibleByStringLiteral {
  init(dictionaryLiteral elements: (String, JSONValue)...) { self = .object(elements) }
  init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
  init(stringLiteral value: String) { self = .string(value) }
}
