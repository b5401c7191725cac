import TaskQueueHTTP

/// The fields of JSON objects as tables, from the same schemas that the OpenAPI document has.
struct DocumentationFields {
  /// Words that are all named.
  private static let longestEnumeration = 8

  let schemas: [String: JSONTree]

  /// A row for each field: its name, type and meaning. The needed ones come first.
  func table(_ name: String) -> String {
    let schema = schemas[name] ?? .null
    guard schema["properties"] != nil else { return "<p>\(type(schema))</p>" }
    return "<table class=\"f\"><tr><th>Field</th><th>Type</th><th></th></tr>\(rows(schema, depth: 0))</table>"
  }

  /// A link to an object's table, or what it is.
  func link(_ name: String) -> String { type(APISchemas.reference(name)) }

  /// The objects that these refer to, themselves included if they are objects.
  func objects(_ names: [String]) -> [String] {
    var found: Set<String> = []
    var next = names
    while let name = next.popLast() {
      guard let schema = schemas[name], found.insert(name).inserted else { continue }
      next += Self.references(schema)
    }
    return found.filter { schemas[$0]?["properties"] != nil }.sorted()
  }

  static func id(_ name: String) -> String { "object-\(name)" }

  static func references(_ schema: JSONTree) -> [String] {
    switch schema {
    case .object(let fields):
      if case .text(let text)? = fields["$ref"] { return [String(text.split(separator: "/").last ?? "")] }
      return fields.values.flatMap(references)
    case .array(let elements): return elements.flatMap(references)
    default: return []
    }
  }

  private func rows(_ schema: JSONTree, depth: Int) -> String {
    guard case .object(let properties)? = schema["properties"] else { return "" }
    let required = Self.texts(schema["required"])
    let names = required + properties.keys.filter { !required.contains($0) }.sorted()
    return names.map { name in
      let field = properties[name] ?? .null
      let needed = required.contains(name) ? ", <b>required</b>" : ""
      let row =
        "<tr><td style=\"padding-left:\(depth)em\"><code>\(DocumentationPage.escaped(name))</code></td>"
        + "<td>\(type(field))\(needed)</td><td>\(meaning(field))</td></tr>"
      let inner = field["items"] ?? field
      return row + rows(inner, depth: depth + 1)
    }.joined()
  }

  private func meaning(_ schema: JSONTree) -> String {
    for place in [schema] + Self.elements(schema["oneOf"]) + [schema["items"] ?? .null] {
      let target = place["$ref"] == nil ? nil : Self.references(place).first.flatMap { schemas[$0] }
      if case .text(let text)? = (target ?? place)["description"] { return DocumentationPage.prose(text) }
    }
    return ""
  }

  /// What it has to be, as HTML.
  func type(_ schema: JSONTree) -> String {
    if schema["$ref"] != nil, let name = Self.references(schema).first {
      guard let target = schemas[name], target["properties"] == nil else {
        return "<a href=\"#\(Self.id(name))\">\(name)</a>"
      }
      return type(target)
    }
    let choices = Self.elements(schema["oneOf"]) + Self.elements(schema["anyOf"])
    if !choices.isEmpty { return choices.map { type($0) }.joined(separator: " or ") }
    let values = Self.texts(schema["enum"])
    if !values.isEmpty {
      guard values.count <= Self.longestEnumeration else { return "one of \(values.count) words" }
      return values.map { "<code>\(DocumentationPage.escaped($0))</code>" }.joined(separator: " or ")
    }
    if case .text(let value)? = schema["const"] { return "<code>\(DocumentationPage.escaped(value))</code>" }
    guard case .text(let name)? = schema["type"] else { return "anything" }
    switch name {
    case "array":
      let items = schema["items"] ?? .null
      return "array of " + (items["properties"] == nil ? type(items) : "objects") + Self.bounds(schema, "Items", "")
    case "string":
      if case .text(let format)? = schema["format"] { return format }
      return "text" + Self.bounds(schema, "Length", " characters")
    case "integer":
      return "whole number" + Self.bounds(schema, "imum", "")
    default: return name
    }
  }

  /// `, 1 to 255 characters`, or less if there is no such bound.
  private static func bounds(_ schema: JSONTree, _ kind: String, _ unit: String) -> String {
    switch (schema["min\(kind)"], schema["max\(kind)"]) {
    case (.integer(let low)?, .integer(let high)?): ", \(low) to \(high)\(unit)"
    case (nil, .integer(let high)?): ", at most \(high)\(unit)"
    default: ""
    }
  }

  private static func elements(_ tree: JSONTree?) -> [JSONTree] {
    if case .array(let elements)? = tree { elements } else { [] }
  }

  private static func texts(_ tree: JSONTree?) -> [String] {
    elements(tree).compactMap { if case .text(let text) = $0 { text } else { nil } }
  }
}
