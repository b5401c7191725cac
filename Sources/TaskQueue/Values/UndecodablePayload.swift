#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// The stored payload does not fit the handler's type. Counts as a failure of the attempt; after the last one the task is a dead letter
/// with the reason ``DeadLetterReason/undecodable``.
///
/// Says where and what was expected, and never holds a value of the payload.
public struct UndecodablePayload: Error, Hashable, CustomStringConvertible {
  /// Where in the payload, such as `order.items[2].amount`; empty: the payload as a whole. Keys of dictionaries, which are data, are `*`.
  public let path: String
  /// What was expected there, and what is wrong with it.
  public let reason: String

  public var description: String {
    path.isEmpty ? "The payload cannot be decoded: \(reason)" : "The payload cannot be decoded: \(path): \(reason)"
  }

  init(_ error: any Error) {
    guard let error = error as? DecodingError else {
      path = ""
      reason = "decoding it threw \(type(of: error))"
      return
    }
    switch error {
    case .typeMismatch(let type, let context):
      path = Self.path(context.codingPath)
      reason = Self.mismatch(type, context)
    case .valueNotFound(let type, let context):
      path = Self.path(context.codingPath)
      reason = "expected \(type), found null"
    case .keyNotFound(let key, let context):
      path = Self.path(context.codingPath + [key])
      reason = "it is missing"
    case .dataCorrupted(let context):
      path = Self.path(context.codingPath)
      reason = Self.corruption(context)
    @unknown default:
      path = ""
      reason = "a kind of error that is not known here"
    }
  }

  /// The keys that a type declares may be named, and are cases of an enum. Others, such as a dictionary's, come from the payload.
  static func path(_ keys: [any CodingKey]) -> String {
    keys.reduce("") { path, key in
      if let index = key.intValue, key.stringValue == "Index \(index)" { return path + "[\(index)]" }
      let mirror = Mirror(reflecting: key)
      let isDeclared = mirror.displayStyle == .enum && mirror.children.isEmpty
      let name = isDeclared ? key.stringValue : "*"
      return path.isEmpty ? name : path + ".\(name)"
    }
  }

  private static func mismatch(_ type: any Any.Type, _ context: DecodingError.Context) -> String {
    // The only words taken from the decoder's own text: the rest might quote the payload.
    let kinds = ["a string", "number", "bool", "an array", "a dictionary", "null"]
    let found = kinds.first { context.debugDescription.contains("found \($0)") }
    let text = "expected \(type), found \(found ?? "something else")"
    guard found == "a string", type == Double.self || type == Date.self else { return text }
    return text + dateCure
  }

  private static func corruption(_ context: DecodingError.Context) -> String {
    if context.debugDescription == PayloadCoding.noDate { return "it is no ISO 8601 date and time with a zone" }
    return context.codingPath.isEmpty ? "it is not the JSON of the type" : "its type refuses the value"
  }

  private static let dateCure =
    ". If it is a Date written as ISO 8601: make the handlers and the client with the coding PayloadCoding.iso8601Dates"
}
