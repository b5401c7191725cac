@_spi(Store) import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Any JSON. Decoding it proves that bytes are JSON.
enum JSONValue: Decodable {
  case null
  case bool(Bool)
  case integer(Int64)
  case number(Double)
  case string(String)
  case array([JSONValue])
  case object([String: JSONValue])

  init(from decoder: any Decoder) throws {
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
      self = .string(value)
    } else if let value = try? container.decode([JSONValue].self) {
      self = .array(value)
    } else {
      self = .object(try container.decode([String: JSONValue].self))
    }
  }

  /// A scalar as text; nil for null, arrays and objects.
  var scalarText: String? {
    switch self {
    case .bool(let value): value ? "true" : "false"
    case .integer(let value): String(value)
    case .number(let value): String(value)
    case .string(let value): value
    case .null, .array, .object: nil
    }
  }

  /// The named top-level property as text; nil if there is none.
  static func topLevelText(_ property: String, in payload: Data) -> String? {
    guard case .object(let members) = try? JSONDecoder().decode(JSONValue.self, from: payload) else { return nil }
    return members[property]?.scalarText
  }

  /// - Throws: ``TaskQueueError/Code/encodingFailed`` unless the payload is one JSON value in UTF-8.
  static func validate(_ payload: Data, of type: TaskType) throws(TaskQueueError) {
    guard isValid(payload) else {
      throw TaskQueueError(.encodingFailed, "The payload of \(type) is not valid JSON. Nothing was stored.")
    }
  }

  static func isValid(_ payload: Data) -> Bool {
    (try? JSONDecoder().decode(JSONValue.self, from: payload)) != nil
  }
}
