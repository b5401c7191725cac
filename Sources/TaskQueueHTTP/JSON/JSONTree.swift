#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Any JSON value: of bodies that are checked field by field, and of documents that are built.
///
/// ```swift
/// let schema: JSONTree = ["type": "array", "maxItems": 500, "items": ["type": "string"]]
/// ```
///
/// What strangers wrote is read by ``StrictJSON``. As `Decodable` it is for documents of your own: decoding takes more than linear time in the
/// depth, and of two members of one name passes one over.
public enum JSONTree: Codable, Equatable, Sendable {
  case null
  case bool(Bool)
  /// A whole number that fits. Never equal to a ``number(_:)``.
  case integer(Int64)
  /// Any other number.
  case number(Double)
  case text(String)
  case array([JSONTree])
  case object([String: JSONTree])

  /// Reads bytes as ``StrictJSON`` says, on the calling thread. Where others are to be served meanwhile, use ``StrictJSON/tree(_:)``.
  ///
  /// - Throws: ``JSONRefusal``.
  public init(reading data: Data) throws(JSONRefusal) {
    self = try StrictJSONReader.tree([UInt8](data))
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    if container.decodeNil() {
      self = .null
    } else if let value = try? container.decode(Bool.self) {
      self = .bool(value)
    } else if let value = try? container.decode(Int64.self) {
      self = .integer(value)
    } else if let value = try? container.decode(Double.self) {
      self = .number(value)
    } else if let value = try? container.decode(String.self) {
      self = .text(value)
    } else if let value = try? container.decode([JSONTree].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONTree].self))
    }
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    switch self {
    case .null: try container.encodeNil()
    case .bool(let value): try container.encode(value)
    case .integer(let value): try container.encode(value)
    case .number(let value): try container.encode(value)
    case .text(let value): try container.encode(value)
    case .array(let value): try container.encode(value)
    case .object(let value): try container.encode(value)
    }
  }

  /// A field of an object; nil: no object, or no such field.
  public subscript(name: String) -> JSONTree? {
    if case .object(let fields) = self { fields[name] } else { nil }
  }
}

extension JSONTree: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
  ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(stringLiteral value: String) { self = .text(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(arrayLiteral elements: JSONTree...) { self = .array(elements) }
  /// Of two fields of one name the last one counts.
  public init(dictionaryLiteral elements: (String, JSONTree)...) {
    self = .object(Dictionary(elements, uniquingKeysWith: { _, last in last }))
  }
}
