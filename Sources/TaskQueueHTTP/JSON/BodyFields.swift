/// A JSON object read field by field. Collects everything that is wrong, so that the client learns it at once.
///
/// Each method takes a field out: nil means that it is absent or `null`, or wrong, which is noted then. ``finish(allowsOthers:)`` throws what was
/// noted.
///
/// ```swift
/// struct Order: Codable {
///   var item: String
///   var count: Int64
///
///   init(_ body: JSONTree) throws {
///     var fields = try BodyFields(of: body)
///     let item = fields.text("item", length: 1...100, isRequired: true)
///     count = fields.integer("count", in: 1...10) ?? 1
///     try fields.finish()
///     guard let item else { throw ProblemError(.invalidFields) }
///     self.item = item
///   }
/// }
/// ```
///
/// For an object within it make another one of ``value(_:isRequired:)``; its pointers begin at that object.
public struct BodyFields: Sendable {
  /// Of a field's name in a problem's pointer, in characters; the rest is left out.
  private static let maxPointerLength = 100

  private var fields: [String: JSONTree]
  private var problems: [Problem.Field] = []

  public init(_ fields: [String: JSONTree]) {
    self.fields = fields
  }

  /// - Throws: `invalid-fields` if it isn't an object.
  public init(of tree: JSONTree) throws(ProblemError) {
    guard case .object(let fields) = tree else {
      throw ProblemError(.invalidFields, errors: [.init(pointer: "", detail: "must be an object")])
    }
    self.init(fields)
  }

  /// A field of any kind.
  public mutating func value(_ name: String, isRequired: Bool = false) -> JSONTree? {
    if let value = fields.removeValue(forKey: name), value != .null { return value }
    if isRequired { report(name, "is missing") }
    return nil
  }

  /// A text of so many code points, as JSON Schema counts, without U+0000, which PostgreSQL can't store.
  public mutating func text(_ name: String, length: ClosedRange<Int>, isRequired: Bool = false) -> String? {
    switch value(name, isRequired: isRequired) {
    case nil: break
    case .text(let text)?: return checked(text, name, length)
    default: report(name, "must be a string")
    }
    return nil
  }

  /// A text as by ``text(_:length:isRequired:)``, or a whole number, which is read as its digits, however many.
  public mutating func identifier(_ name: String, length: ClosedRange<Int>, isRequired: Bool = false) -> String? {
    if case .integer(let number)? = fields[name] {
      fields[name] = nil
      return String(number)
    }
    return text(name, length: length, isRequired: isRequired)
  }

  /// A whole number within the range.
  public mutating func integer(_ name: String, in range: ClosedRange<Int64>, isRequired: Bool = false) -> Int64? {
    switch value(name, isRequired: isRequired) {
    case nil: break
    case .integer(let number)? where range.contains(number): return number
    case .integer?: report(name, "must be between \(range.lowerBound) and \(range.upperBound)")
    default: report(name, "must be a whole number")
    }
    return nil
  }

  /// An array of so many elements, which are yet to be checked.
  public mutating func array(_ name: String, count: ClosedRange<Int>, isRequired: Bool = false) -> [JSONTree]? {
    switch value(name, isRequired: isRequired) {
    case nil: break
    case .array(let elements)? where count.contains(elements.count): return elements
    case .array?: report(name, "must have \(count.lowerBound) to \(count.upperBound) elements")
    default: report(name, "must be an array")
    }
    return nil
  }

  /// Notes that a field is wrong, by a rule of yours.
  ///
  /// - Parameter detail: For people, and goes to the client: `must be a currency of ISO 4217`.
  public mutating func report(_ name: String, _ detail: String) {
    let escaped = name.replacing("~", with: "~0").replacing("/", with: "~1")
    problems.append(.init(pointer: "/\(escaped.prefix(Self.maxPointerLength))", detail: detail))
  }

  /// Call it last.
  ///
  /// - Parameter allowsOthers: Whether fields that nobody asked for are passed over: for senders that may add some without a word. By default
  ///   they are wrong, so that a misspelt name isn't taken for an absent field.
  /// - Throws: `invalid-fields` if anything is wrong, with each field, of which the first ``ProblemError/maxErrors`` are answered.
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
