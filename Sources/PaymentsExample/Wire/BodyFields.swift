import TaskQueueHTTP

/// A JSON object read field by field. Collects everything that is wrong, so that the caller learns it at once.
package struct BodyFields {
  private var fields: [String: JSONTree]
  private var problems: [Problem.Field] = []

  init(_ fields: [String: JSONTree]) {
    self.fields = fields
  }

  /// A text of so many code points, without U+0000. nil: absent (or null), or wrong.
  mutating func text(_ name: String, length: ClosedRange<Int>, isRequired: Bool = false) -> String? {
    switch take(name) {
    case nil:
      if isRequired { report(name, "is missing") }
    case .text(let text)?:
      return checked(text, name, length)
    default:
      report(name, "must be a string")
    }
    return nil
  }

  /// A text as by ``text(_:length:isRequired:)``, or a whole number, which is read as its digits.
  mutating func identifier(_ name: String, length: ClosedRange<Int>, isRequired: Bool = false) -> String? {
    if case .integer(let number)? = fields[name] {
      fields[name] = nil
      return String(number)
    }
    return text(name, length: length, isRequired: isRequired)
  }

  mutating func integer(_ name: String, in range: ClosedRange<Int64>, isRequired: Bool = false) -> Int64? {
    switch take(name) {
    case nil:
      if isRequired { report(name, "is missing") }
    case .integer(let number)? where range.contains(number):
      return number
    case .integer?:
      report(name, "must be between \(range.lowerBound) and \(range.upperBound)")
    default:
      report(name, "must be a whole number")
    }
    return nil
  }

  /// Required; empty if it is wrong.
  mutating func array(_ name: String, count: ClosedRange<Int>) -> [JSONTree] {
    switch take(name) {
    case nil: report(name, "is missing")
    case .array(let elements)? where count.contains(elements.count): return elements
    case .array?: report(name, "must have \(count.lowerBound) to \(count.upperBound) elements")
    default: report(name, "must be an array")
    }
    return []
  }

  mutating func report(_ name: String, _ detail: String) {
    let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
    problems.append(.init(pointer: "/\(escaped.prefix(100))", detail: detail))
  }

  /// Call it last.
  /// - Throws: `invalid-fields` if anything was wrong, or fields are left that nobody asked for.
  mutating func finish() throws {
    for name in fields.keys.sorted() { report(name, "is not known here") }
    if !problems.isEmpty { throw ProblemError(.invalidFields, errors: problems) }
  }

  private mutating func take(_ name: String) -> JSONTree? {
    let value = fields.removeValue(forKey: name)
    return value == .null ? nil : value
  }

  private mutating func checked(_ text: String, _ name: String, _ length: ClosedRange<Int>) -> String? {
    let count = text.unicodeScalars.count
    if count < length.lowerBound {
      report(name, length.lowerBound == 1 ? "must not be empty" : "must have \(length.lowerBound) characters")
    } else if count > length.upperBound {
      report(name, "must have at most \(length.upperBound) characters")
    } else if text.utf8.contains(0) {
      report(name, "must not contain U+0000")
    } else {
      return text
    }
    return nil
  }
}
