#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Names with values, of a query, a form or a JSON object; a name may come several times.
struct FormFields: Sendable, Equatable {
  /// More of them are refused.
  static let maxCount = 2_000

  struct Field: Sendable, Equatable {
    var name: String
    var value: String
  }

  private(set) var fields: [Field] = []

  init(_ fields: [Field] = []) { self.fields = fields }

  /// `application/x-www-form-urlencoded`.
  ///
  /// - Throws: ``Refusal`` for what is no UTF-8, and for too many: without a condition more would be meant than was asked for.
  init(urlEncoded text: String) throws(Refusal) {
    let parts = text.split(separator: "&")
    guard parts.count <= Self.maxCount else {
      throw .invalid("There can be \(Wording.count(Self.maxCount)) fields at most.")
    }
    for part in parts {
      let halves = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
      guard let name = Self.decoded(halves[0]), let value = halves.count > 1 ? Self.decoded(halves[1]) : "" else {
        throw .invalid(
          "Something in it is no text: what follows a percent sign must be the bytes of UTF-8, as in %C3%A9."
        )
      }
      fields.append(Field(name: name, value: value))
    }
  }

  /// The first of this name, as it is: names of queues, types and keys may begin and end with spaces. nil: there is none, or it is empty.
  subscript(_ name: String) -> String? {
    guard let value = fields.first(where: { $0.name == name })?.value, !value.isEmpty else { return nil }
    return value
  }

  /// For what people write: without white space around it.
  func trimmed(_ name: String) -> String? {
    guard let text = self[name]?.trimmed, !text.isEmpty else { return nil }
    return text
  }

  func all(_ name: String) -> [String] { fields.filter { $0.name == name && !$0.value.isEmpty }.map(\.value) }

  /// With one value of this name, or none, in the place of those that are there.
  func with(_ name: String, _ value: String?) -> FormFields {
    var copy = FormFields(fields.filter { $0.name != name })
    if let value { copy.fields.append(Field(name: name, value: value)) }
    return copy
  }

  func only(_ names: Set<String>) -> FormFields {
    FormFields(fields.filter { names.contains($0.name) && !$0.value.isEmpty })
  }

  /// With the question mark; empty: without any field.
  var query: String {
    guard !fields.isEmpty else { return "" }
    return "?" + fields.map { "\(Self.encoded($0.name))=\(Self.encoded($0.value))" }.joined(separator: "&")
  }

  static func encoded(_ text: String) -> String {
    var result = ""
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
        UInt8(ascii: "~"):
        result.unicodeScalars.append(Unicode.Scalar(byte))
      default:
        result +=
          byte < 16 ? "%0\(String(byte, radix: 16, uppercase: true))" : "%\(String(byte, radix: 16, uppercase: true))"
      }
    }
    return result
  }

  /// nil: no UTF-8.
  static func decoded(_ text: Substring, plusIsSpace: Bool = true) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      switch byte {
      case UInt8(ascii: "+") where plusIsSpace: bytes.append(UInt8(ascii: " "))
      case UInt8(ascii: "%"):
        guard let high = rest.popFirst().flatMap(hex), let low = rest.popFirst().flatMap(hex) else { return nil }
        bytes.append(high << 4 | low)
      default: bytes.append(byte)
      }
    }
    return String(validating: bytes, as: UTF8.self)
  }

  private static func hex(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
    default: nil
    }
  }
}

extension String {
  /// Without white space around it.
  var trimmed: String {
    var text = self[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}
