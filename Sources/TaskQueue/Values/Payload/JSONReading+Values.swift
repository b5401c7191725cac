#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension JSONReading {
  /// The most digits of a number that fit into an `Int`, whichever they are.
  private static let maxDigits = 18

  // MARK: Single values

  func bool(_ node: Int) throws -> Bool {
    switch kind(node) {
    case .true: return true
    case .false: return false
    default: throw mismatch(Bool.self, node)
    }
  }

  @inline(__always)
  func integer<Value: FixedWidthInteger & Decodable>(_ node: Int, as type: Value.Type = Value.self) throws -> Value {
    switch kind(node) {
    case .integer:
      // More digits, or a value that the type does not have.
      guard let short = shortInteger(text(node)), let value = Value(exactly: short) else {
        return try detour(node)
      }
      return value
    case .number: return try detour(node)
    default: throw mismatch(type, node)
    }
  }

  private func shortInteger(_ digits: UnsafeBufferPointer<UInt8>) -> Int? {
    guard digits.count <= Self.maxDigits else { return nil }
    let isNegative = digits[0] == UInt8(ascii: "-")
    var value = 0
    for index in (isNegative ? 1 : 0)..<digits.count { value = value &* 10 &+ Int(digits[index] &- UInt8(ascii: "0")) }
    return isNegative ? -value : value
  }

  func double(_ node: Int) throws -> Double {
    switch kind(node) {
    case .integer, .number:
      if let value = shortDouble(text(node)) { return value }
      // Correctly rounded, as Foundation's; what is too big or too small it refuses.
      if let value = Double(String(decoding: text(node), as: UTF8.self)), value.isFinite, value != 0 { return value }
      return try detour(node)
    default: throw mismatch(Double.self, node)
    }
  }

  func float(_ node: Int) throws -> Float {
    switch kind(node) {
    case .integer, .number:
      if let value = Float(String(decoding: text(node), as: UTF8.self)), value.isFinite, value != 0 { return value }
      return try detour(node)
    default: throw mismatch(Float.self, node)
    }
  }

  /// Exact: both a number below 2^53 and a power of ten up to 10^22 are doubles, so that one operation rounds, and only once (Clinger 1990).
  private func shortDouble(_ digits: UnsafeBufferPointer<UInt8>) -> Double? {
    guard digits.count <= Self.maxDigits else { return nil }
    var (value, places, isFraction) = (0, 0, false)
    let isNegative = digits[0] == UInt8(ascii: "-")
    for index in (isNegative ? 1 : 0)..<digits.count {
      let digit = digits[index] &- UInt8(ascii: "0")
      if digit < 10 {
        value = value &* 10 &+ Int(digit)
        if isFraction { places += 1 }
      } else if digits[index] == UInt8(ascii: ".") {
        isFraction = true
      } else {
        return nil
      }
    }
    guard value < 1 << 53 else { return nil }
    let magnitude = places == 0 ? Double(value) : Double(value) / Self.powersOfTen[places]
    return isNegative ? -magnitude : magnitude
  }

  private static let powersOfTen: [Double] = [
    1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18,
  ]

  func string(_ node: Int) throws -> String {
    switch kind(node) {
    case .string:
      guard let value = String(validating: text(node), as: UTF8.self) else { throw corrupted(node) }
      return value
    case .escapedString: return try JSONEscapes.unescaped(text(node)) ?? detour(node)
    default: throw mismatch(String.self, node)
    }
  }

  // MARK: Other values

  /// What `JSONDecoder` does for a type, with the cases that it sets apart.
  func value<Value: Decodable>(_ type: Value.Type, _ node: Int) throws -> Value {
    if let value = try common(type, node) { return value as! Value }
    if type == Date.self { return try date(node) as! Value }
    if type == Data.self { return try data(node) as! Value }
    if type == Decimal.self { return try detour(node) }
    if type == URL.self {
      guard let url = URL(string: try string(node)) else { throw corrupted(node) }
      return url as! Value
    }
    return try within(node) { try Value(from: $0) }
  }

  /// What elements and raw values mostly are. Their own `init(from:)` would ask for the same, in more steps.
  @inline(__always)
  private func common(_ type: any Any.Type, _ node: Int) throws -> Any? {
    switch kind(node) {
    case .string, .escapedString:
      if type == String.self { return try string(node) }
      if type == UUID.self { return UUIDText.value(of: text(node)) }
    case .integer, .number:
      if type == Int.self { return try integer(node, as: Int.self) }
      if type == Double.self { return try double(node) }
    case .array:
      if type == [String].self { return try elements(of: node, string) }
      if type == [Int].self { return try elements(of: node) { try integer($0, as: Int.self) } }
      if type == [Double].self { return try elements(of: node, double) }
    case .object:
      if type == [String: String].self { return try members(of: node, string) }
    case .true, .false, .null: break
    }
    return nil
  }

  private func elements<Value>(of array: Int, _ read: (Int) throws -> Value) rethrows -> [Value] {
    var values: [Value] = []
    values.reserveCapacity(length(array))
    var node = array + 1
    while node < next(array) {
      values.append(try read(node))
      node = next(node)
    }
    return values
  }

  private func members<Value>(of object: Int, _ read: (Int) throws -> Value) throws -> [String: Value] {
    var values: [String: Value] = [:]
    values.reserveCapacity(length(object))
    try forEachMember(of: object) { name, node in values[name] = try read(node) }
    return values
  }

  private func within<Value>(_ node: Int, _ body: (any Decoder) throws -> Value) throws -> Value {
    let outer = current
    current = node
    defer { current = outer }
    return try body(JSONValueReader(self, node))
  }

  private func date(_ node: Int) throws -> Date {
    switch rules.dates {
    case .deferredToDate: return Date(timeIntervalSinceReferenceDate: try double(node))
    case .secondsSince1970: return Date(timeIntervalSince1970: try double(node))
    case .millisecondsSince1970: return Date(timeIntervalSince1970: try double(node) / 1_000)
    case .custom(let decode): return try within(node, decode)
    default: return try detour(node)
    }
  }

  private func data(_ node: Int) throws -> Data {
    switch rules.data {
    case .deferredToData: return try within(node) { try Data(from: $0) }
    case .custom(let decode): return try within(node, decode)
    default: return try detour(node)
    }
  }

  /// Foundation reads the one value: for types of which no part is the app's code.
  private func detour<Value: Decodable>(_ node: Int) throws -> Value {
    detours += 1
    switch kind(node) {
    case .string, .escapedString, .integer, .number:
      do { return try rules.decoder.decode(Value.self, from: json(node)) } catch {
        isDoubtful = true
        throw error
      }
    default: throw mismatch(Value.self, node)
    }
  }

  private func json(_ node: Int) -> Data {
    let text = text(node)
    let isNumber = kind(node) == .integer || kind(node) == .number
    guard !isNumber, let start = text.baseAddress else { return Data(text) }
    return Data(UnsafeBufferPointer(start: start - 1, count: text.count + 2))
  }
}
