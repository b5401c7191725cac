public struct BodyFields: Sendable {
  private static let maxPointerLength = 100

  private var fields: [String: JSONTree]
  private var problems: [Problem.Field] = []

  public init(_ fields: [String: JSONTree]) {
    self.fields = fields
  }

  /// A text of so many code points, without U+0000. nil: absent (or null), or wrong.
  public init(of tree: JSONTree) throws(ProblemError) {
    guard case .object(let fields) = tree else {
      throw ProblemError(.invalidFields, errors: [.init(pointer: "", detail: "must be an object")])
    }
    self.init(fields)
  }

  public mutating func value(_ name: String, isRequired: Bool = false) -> JSONTree? {
    if let value = fields.removeValue(forKey: name), value != .null { return value }
    if isRequired { report(name, "is missing") }
    return nil
  }

  public mutating func text(_ name: String, length: ClosedRange<Int>, isRequired: Bool = false) -> String? {
    switch value(name, isRequired: isRequired) {
    case nil: break
    case .text(let text)?: return checked(text, name, length)
    default: report(name, "must be a string")
    }
    return nil
  }

  /// A text as by ``text(_:length:isRequired:)``, or a whole number, which is read as its digits.
  public mutating func identifier(_ name: String, length: ClosedRange<Int>, isRequired: Bool = false) -> String? {
    if case .integer(let number)? = fields[name] {
      fields[name] = nil
      return String(number)
    }
    return text(name, length: length, isRequired: isRequired)
  }

  public mutating func integer(_ name: String, in range: ClosedRange<Int64>, isRequired: Bool = false) -> Int64? {
    switch value(name, isRequired: isRequired) {
    case nil: break
    case .integer(let number)? where range.contains(number): return number
    case .integer?: report(name, "must be between \(range.lowerBound) and \(range.upperBound)")
    default: report(name, "must be a whole number")
    }
    return nil
  }

  /// Required; empty if it is wrong.
  public mutating func array(_ name: String, count: ClosedRange<Int>, isRequired: Bool = false) -> [JSONTree]? {
    switch value(name, isRequired: isRequired) {
    case nil: break
    case .array(let elements)? where count.contains(elements.count): return elements
    case .array?: report(name, "must have \(count.lowerBound) to \(count.upperBound) elements")
    default: report(name, "must be an array")
    }
    return nil
  }

  public mutating func report(_ name: String, _ detail: String) {
    let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
    problems.append(.init(pointer: "/\(escaped.prefix(Self.maxPointerLength))", detail: detail))
  }

  /// Call it last.
  /// - Throws: `invalid-fields` if anything was wrong, or fields are left that nobody asked for.
  public mutating func finish(allowsOthers: Bool = false) throws(ProblemError) {
    if !allowsOthers {
      for name in fields.keys.sorted() { report(name, "is not known here") }
    }
    if !problems.isEmpty { throw ProblemError(.invalidFields, errors: problems) }
  }

  private mutating func checked(_ text: String, _ name: String, _ length: ClosedRange<Int>) -> String? {
    let count = text.unicodeScalars.count
    if count < length.lowerBound {
      let least = length.lowerBound == length.upperBound ? "\(length.lowerBound)" : "at least \(length.lowerBound)"
      report(name, length.lowerBound == 1 ? "must not be empty" : "must have \(least) characters")
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
