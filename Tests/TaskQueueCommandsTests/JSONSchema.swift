import Foundation

/// As much of JSON Schema 2020-12 as `docs/command-line.schema.json` uses.
struct JSONSchema: Sendable {
  let document: Data

  /// The one that is shipped.
  static func documented() throws -> JSONSchema {
    var directory = URL(filePath: #filePath)
    for _ in 0..<3 { directory.deleteLastPathComponent() }
    return JSONSchema(document: try Data(contentsOf: directory.appending(path: "docs/command-line.schema.json")))
  }

  /// The definitions' names.
  func names() throws -> [String] { Array(try definitions().keys) }

  /// - Returns: where the text does not fit; empty: it does.
  func problems(of text: String, verb: String) throws -> [String] {
    let definitions = try definitions()
    guard let schema = definitions[verb] else { return ["the schema has no \(verb)"] }
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8), options: .fragmentsAllowed)
    return problems(value, schema, definitions, at: "$")
  }

  private func definitions() throws -> [String: [String: Any]] {
    let root = try JSONSerialization.jsonObject(with: document) as? [String: Any]
    return root?["$defs"] as? [String: [String: Any]] ?? [:]
  }

  private func problems(
    _ value: Any,
    _ schema: [String: Any],
    _ definitions: [String: [String: Any]],
    at path: String
  ) -> [String] {
    if let reference = schema["$ref"] as? String {
      guard let target = definitions[String(reference.dropFirst("#/$defs/".count))] else {
        return ["\(path): no \(reference)"]
      }
      return problems(value, target, definitions, at: path)
    }
    if let choices = schema["oneOf"] as? [[String: Any]] {
      let found = choices.map { problems(value, $0, definitions, at: path) }
      return found.count(where: \.isEmpty) == 1
        ? [] : ["\(path): fits \(found.count(where: \.isEmpty)) of \(found.count): \(found)"]
    }
    if let allowed = schema["enum"] as? [String], !allowed.contains(value as? String ?? "") {
      return ["\(path): not one of \(allowed)"]
    }
    if let type = schema["type"] {
      let types = type as? [String] ?? [type as? String ?? ""]
      guard types.contains(where: { Self.isOf($0, value) }) else { return ["\(path): \(value) is not of \(types)"] }
    }
    if let pattern = schema["pattern"] as? String, let text = value as? String,
      text.range(of: pattern, options: .regularExpression) == nil
    {
      return ["\(path): \(text) does not match \(pattern)"]
    }
    if let items = value as? [Any] {
      guard items.count >= schema["minItems"] as? Int ?? 0 else { return ["\(path): too few items"] }
      guard let schema = schema["items"] as? [String: Any] else { return [] }
      return items.enumerated().flatMap { problems($1, schema, definitions, at: "\(path)[\($0)]") }
    }
    guard let fields = value as? [String: Any], schema["type"] as? String == "object" else { return [] }
    let known = schema["properties"] as? [String: [String: Any]] ?? [:]
    var found = (schema["required"] as? [String] ?? []).filter { fields[$0] == nil }.map { "\(path): lacks \($0)" }
    for (name, field) in fields {
      if let schema = known[name] {
        found += problems(field, schema, definitions, at: "\(path).\(name)")
      } else if let schema = schema["additionalProperties"] as? [String: Any] {
        found += problems(field, schema, definitions, at: "\(path).\(name)")
      } else if schema["additionalProperties"] as? Bool == false {
        found.append("\(path): has \(name)")
      }
    }
    return found
  }

  private static func isOf(_ type: String, _ value: Any) -> Bool {
    switch type {
    case "null": return value is NSNull
    case "string": return value is String
    case "array": return value is [Any]
    case "object": return value is [String: Any]
    default:
      guard let number = value as? NSNumber, !(value is String) else { return false }
      let isBool = "\(Swift.type(of: number))".contains("Boolean") || isBoolean(number)
      return switch type {
      case "boolean": isBool
      case "integer": !isBool && number.doubleValue == number.doubleValue.rounded()
      default: !isBool
      }
    }
  }

  private static func isBoolean(_ number: NSNumber) -> Bool {
    String(cString: number.objCType) == "c" || String(cString: number.objCType) == "B"
  }
}
