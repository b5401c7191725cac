public import Foundation
public import TaskQueueHTTP

/// As much of JSON Schema 2020-12 as the documents that are shipped use: of the command line's output, and of the dashboard's API.
public struct JSONSchema: Sendable {
  public let document: JSONTree

  public init(document: Data) throws { self.document = try JSONTree(document) }

  /// - Parameter path: below the repository.
  public init(file path: String) throws {
    var directory = URL(filePath: #filePath)
    for _ in 0..<3 { directory.deleteLastPathComponent() }
    try self.init(document: try Data(contentsOf: directory.appending(path: path)))
  }

  /// What stands at a place of the document, member by member.
  public func node(_ path: [String]) -> JSONTree? {
    path.reduce(document as JSONTree?) { $0?[$1] }
  }

  /// - Parameter path: where the schema stands in the document.
  /// - Returns: where the text does not fit; empty: it does.
  public func problems(of text: String, _ path: [String]) throws -> [String] {
    guard let schema = node(path) else { return ["the document has no \(path)"] }
    return problems(of: try JSONTree(Data(text.utf8)), schema)
  }

  public func problems(of value: JSONTree, _ schema: JSONTree, at place: String = "$") -> [String] {
    if let reference = schema["$ref"]?.string {
      guard let target = node(reference.split(separator: "/").dropFirst().map(String.init)) else {
        return ["\(place): there is no \(reference)"]
      }
      return problems(of: value, target, at: place)
    }
    if let choices = schema["oneOf"]?.items {
      let found = choices.map { problems(of: value, $0, at: place) }
      let fitting = found.count(where: \.isEmpty)
      return fitting == 1 ? [] : ["\(place): fits \(fitting) of \(found.count): \(found)"]
    }
    if let choices = schema["anyOf"]?.items {
      let found = choices.map { problems(of: value, $0, at: place) }
      return found.contains(where: \.isEmpty) ? [] : ["\(place): fits none of \(found)"]
    }
    if let allowed = schema["const"].map({ [$0] }) ?? schema["enum"]?.items, !allowed.contains(value) {
      return ["\(place): not one of \(allowed)"]
    }
    if let type = schema["type"] {
      let types = type.items?.compactMap(\.string) ?? [type.string ?? ""]
      guard types.contains(where: { Self.isOf($0, value) }) else { return ["\(place): \(value) is not of \(types)"] }
    }
    switch value {
    case .text(let text): return Self.problems(of: text, schema, at: place)
    case .integer(let number):
      let range = (schema["minimum"]?.integer ?? .min)...(schema["maximum"]?.integer ?? .max)
      return range.contains(number) ? [] : ["\(place): \(number) is not within \(range)"]
    case .array(let items):
      let range = (schema["minItems"]?.integer ?? 0)...(schema["maxItems"]?.integer ?? .max)
      guard range.contains(Int64(items.count)) else { return ["\(place): \(items.count) items"] }
      guard let own = schema["items"] else { return [] }
      return items.enumerated().flatMap { problems(of: $1, own, at: "\(place)[\($0)]") }
    case .object(let members): return problems(of: members, schema, at: place)
    case .null, .bool, .number: return []
    }
  }

  private func problems(of members: [String: JSONTree], _ schema: JSONTree, at place: String) -> [String] {
    let needed = (schema["required"]?.items ?? []).compactMap(\.string)
    let dependent = (schema["dependentRequired"]?.members ?? [:]).filter { members[$0.key] != nil }
      .flatMap { ($0.value.items ?? []).compactMap(\.string) }
    var found = (needed + dependent).filter { members[$0] == nil }.map { "\(place): lacks \($0)" }
    for (name, member) in members {
      if let own = schema["properties"]?[name] {
        found += problems(of: member, own, at: "\(place).\(name)")
      } else if let others = schema["additionalProperties"] {
        found +=
          others == .bool(false) ? ["\(place): has \(name)"] : problems(of: member, others, at: "\(place).\(name)")
      }
    }
    return found
  }

  private static func problems(of text: String, _ schema: JSONTree, at place: String) -> [String] {
    let lengths = (schema["minLength"]?.integer ?? 0)...(schema["maxLength"]?.integer ?? .max)
    guard lengths.contains(Int64(text.unicodeScalars.count)) else { return ["\(place): its length"] }
    if let pattern = schema["pattern"]?.string {
      guard let regex = try? Regex(pattern).matchingSemantics(.unicodeScalar), text.firstMatch(of: regex) != nil else {
        return ["\(place): \(text) does not match \(pattern)"]
      }
    }
    let isInstant = schema["format"]?.string != "date-time" || Self.isInstant(text)
    return isInstant ? [] : ["\(place): \(text) is no instant"]
  }

  private static func isInstant(_ text: String) -> Bool {
    [false, true].contains { (try? Date.ISO8601FormatStyle(includingFractionalSeconds: $0).parse(text)) != nil }
  }

  private static func isOf(_ type: String, _ value: JSONTree) -> Bool {
    switch (type, value) {
    case ("null", .null), ("boolean", .bool), ("integer", .integer), ("number", .integer), ("number", .number),
      ("string", .text), ("array", .array), ("object", .object):
      true
    default: false
    }
  }
}
