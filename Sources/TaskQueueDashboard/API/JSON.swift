#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A JSON text before it is written. Members without a value are left out.
enum JSON: Sendable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral,
  ExpressibleByDictionaryLiteral
{
  case text(String)
  case number(Int64)
  case bool(Bool)
  case array([JSON])
  case object([(name: String, value: JSON?)])
  /// What is JSON already, as the store keeps it.
  case stored(Data)

  init(stringLiteral value: String) { self = .text(value) }
  init(integerLiteral value: Int64) { self = .number(value) }
  init(booleanLiteral value: Bool) { self = .bool(value) }
  init(arrayLiteral elements: JSON...) { self = .array(elements) }
  init(dictionaryLiteral elements: (String, JSON?)...) { self = .object(elements.map { (name: $0, value: $1) }) }

  static func int(_ number: Int) -> JSON { .number(Int64(number)) }
  static func at(_ date: Date) -> JSON { .text(Wording.iso(date)) }

  var bytes: [UInt8] {
    var bytes: [UInt8] = []
    write(to: &bytes)
    return bytes
  }

  private func write(to bytes: inout [UInt8]) {
    switch self {
    case .text(let text): Self.write(text, to: &bytes)
    case .number(let number): bytes += String(number).utf8
    case .bool(let flag): bytes += (flag ? "true" : "false").utf8
    case .stored(let data): bytes += data
    case .array(let elements):
      bytes.append(UInt8(ascii: "["))
      for (index, element) in elements.enumerated() {
        if index > 0 { bytes.append(UInt8(ascii: ",")) }
        element.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "]"))
    case .object(let members):
      bytes.append(UInt8(ascii: "{"))
      var isFirst = true
      for case (let name, let value?) in members {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
        Self.write(name, to: &bytes)
        bytes.append(UInt8(ascii: ":"))
        value.write(to: &bytes)
      }
      bytes.append(UInt8(ascii: "}"))
    }
  }

  private static func write(_ text: String, to bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
      case 0..<0x20: bytes += "\\u00\(byte < 16 ? "0" : "")\(String(byte, radix: 16))".utf8
      // No tag ends within a text, wherever it may be put.
      case UInt8(ascii: "<"): bytes += "\\u003c".utf8
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}

/// The members of an object that was sent, as ``FormFields``. Of the types that the document says: a number is no text, and tasks alone may be several.
struct SentFields: Decodable {
  private static let numbers: Set<String> = ["concurrency", "rate", "periodSeconds", "burst", "seconds"]

  let fields: FormFields

  private struct Name: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }
    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
  }

  init(from decoder: any Decoder) throws {
    let members = try decoder.container(keyedBy: Name.self)
    var fields: [FormFields.Field] = []
    for name in members.allKeys.sorted(by: { $0.stringValue < $1.stringValue }) {
      for value in try Self.values(of: name, in: members).prefix(FormFields.maxCount) {
        fields.append(.init(name: name.stringValue, value: value))
      }
    }
    self.fields = FormFields(fields)
  }

  /// One without a value is empty.
  private static func values(of name: Name, in members: KeyedDecodingContainer<Name>) throws -> [String] {
    switch name.stringValue {
    case "task":
      if let one = try? members.decode(Int64.self, forKey: name) { return [String(one)] }
      let several = try members.decode([Int64].self, forKey: name)
      return several.isEmpty ? [""] : several.map { String($0) }
    case "all": return [try members.decode(Bool.self, forKey: name) ? "true" : "false"]
    case let text where numbers.contains(text): return [String(try members.decode(Int64.self, forKey: name))]
    default: return [try members.decode(String.self, forKey: name)]
    }
  }
}
