/// One pass over the bytes, as ``StrictJSON`` says.
struct StrictJSONReader {
  private let bytes: [UInt8]
  private var index = 0

  private init(_ bytes: [UInt8]) {
    self.bytes = bytes
  }

  /// The one value that the bytes are.
  static func tree(_ bytes: [UInt8]) throws(JSONRefusal) -> JSONTree {
    var reader = StrictJSONReader(bytes)
    let value = try reader.value(depth: 0)
    reader.skipSpace()
    guard reader.index == reader.bytes.count else { throw reader.refusal("something follows the value") }
    return value
  }

  private func refusal(_ reason: String) -> JSONRefusal {
    JSONRefusal(reason: reason, offset: index)
  }

  private var next: UInt8? { index < bytes.count ? bytes[index] : nil }

  private mutating func skipSpace() {
    while let byte = next, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 { index += 1 }
  }

  /// Passes the byte over if it comes next.
  private mutating func take(_ byte: Unicode.Scalar) -> Bool {
    guard next == UInt8(ascii: byte) else { return false }
    index += 1
    return true
  }

  private mutating func value(depth: Int) throws(JSONRefusal) -> JSONTree {
    skipSpace()
    switch next {
    case UInt8(ascii: "{")?: return .object(try object(depth: depth + 1))
    case UInt8(ascii: "[")?: return .array(try array(depth: depth + 1))
    case UInt8(ascii: "\"")?: return .text(try text())
    case UInt8(ascii: "t")?: return try word("true", .bool(true))
    case UInt8(ascii: "f")?: return try word("false", .bool(false))
    case UInt8(ascii: "n")?: return try word("null", .null)
    case let byte? where byte == UInt8(ascii: "-") || Self.isDigit(byte): return try number()
    default: throw refusal("a value is missing")
    }
  }

  private mutating func word(_ word: StaticString, _ value: JSONTree) throws(JSONRefusal) -> JSONTree {
    let end = index + word.utf8CodeUnitCount
    let isWord = word.withUTF8Buffer { end <= bytes.count && bytes[index..<end].elementsEqual($0) }
    guard isWord else { throw refusal("a value is missing") }
    index = end
    return value
  }

  private mutating func array(depth: Int) throws(JSONRefusal) -> [JSONTree] {
    guard depth <= StrictJSON.maxDepth else { throw refusal("it is nested more than \(StrictJSON.maxDepth) deep") }
    index += 1
    var elements: [JSONTree] = []
    skipSpace()
    if take("]") { return elements }
    while true {
      elements.append(try value(depth: depth))
      skipSpace()
      if take("]") { return elements }
      guard take(",") else { throw refusal("an array doesn't end") }
    }
  }

  private mutating func object(depth: Int) throws(JSONRefusal) -> [String: JSONTree] {
    guard depth <= StrictJSON.maxDepth else { throw refusal("it is nested more than \(StrictJSON.maxDepth) deep") }
    index += 1
    var members: [String: JSONTree] = [:]
    skipSpace()
    if take("}") { return members }
    while true {
      skipSpace()
      guard next == UInt8(ascii: "\"") else { throw refusal("a member's name is missing") }
      let name = try text()
      guard name.utf8.count <= StrictJSON.maxNameBytes else { throw refusal("a member's name is too long") }
      skipSpace()
      guard take(":") else { throw refusal("a member has no value") }
      let value = try value(depth: depth)
      guard members.updateValue(value, forKey: name) == nil else { throw refusal("two members have one name") }
      skipSpace()
      if take("}") { return members }
      guard take(",") else { throw refusal("an object doesn't end") }
    }
  }
}

// MARK: - Texts

extension StrictJSONReader {
  private mutating func text() throws(JSONRefusal) -> String {
    index += 1
    var unescaped: [UInt8] = []
    var start = index
    while let byte = next {
      switch byte {
      case UInt8(ascii: "\""):
        let rest = bytes[start..<index]
        let text =
          unescaped.isEmpty
          ? String(validating: rest, as: UTF8.self) : String(validating: unescaped + rest, as: UTF8.self)
        guard let text else { throw refusal("a text isn't UTF-8") }
        index += 1
        return text
      case UInt8(ascii: "\\"):
        unescaped.append(contentsOf: bytes[start..<index])
        index += 1
        unescaped.append(contentsOf: UTF8.encode(try escape()) ?? UTF8.encodedReplacementCharacter)
        start = index
      case 0..<0x20: throw refusal("a text holds a control character")
      default: index += 1
      }
    }
    throw refusal("a text doesn't end")
  }

  /// What follows a backslash.
  private mutating func escape() throws(JSONRefusal) -> Unicode.Scalar {
    guard let byte = next else { throw refusal("a text doesn't end") }
    index += 1
    switch byte {
    case UInt8(ascii: "\""): return "\""
    case UInt8(ascii: "\\"): return "\\"
    case UInt8(ascii: "/"): return "/"
    case UInt8(ascii: "b"): return "\u{8}"
    case UInt8(ascii: "f"): return "\u{C}"
    case UInt8(ascii: "n"): return "\n"
    case UInt8(ascii: "r"): return "\r"
    case UInt8(ascii: "t"): return "\t"
    case UInt8(ascii: "u"): return try escapedScalar()
    default: throw refusal("an escape isn't known")
    }
  }

  private mutating func escapedScalar() throws(JSONRefusal) -> Unicode.Scalar {
    let unit = try escapedUnit()
    if let scalar = Unicode.Scalar(unit) { return scalar }
    guard UTF16.isLeadSurrogate(unit), take("\\"), take("u") else { throw refusal("a surrogate stands alone") }
    let second = try escapedUnit()
    guard UTF16.isTrailSurrogate(second) else { throw refusal("a surrogate stands alone") }
    return UTF16.decode(UTF16.EncodedScalar([unit, second]))
  }

  private mutating func escapedUnit() throws(JSONRefusal) -> UInt16 {
    var unit: UInt16 = 0
    for _ in 0..<4 {
      guard let byte = next, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
        throw refusal("an escape has four hexadecimal digits")
      }
      unit = unit << 4 | UInt16(digit)
      index += 1
    }
    return unit
  }
}

// MARK: - Numbers

extension StrictJSONReader {
  private mutating func number() throws(JSONRefusal) -> JSONTree {
    let start = index
    let isNegative = take("-")
    let whole = digits()
    let isPlain = next.map { $0 != UInt8(ascii: ".") && $0 | 0x20 != UInt8(ascii: "e") } ?? true
    if isPlain, (1...18).contains(whole.count), whole.count == 1 || whole.first != UInt8(ascii: "0") {
      // The usual number, without a detour.
      let value = whole.reduce(0 as Int64) { $0 * 10 + Int64($1 - UInt8(ascii: "0")) }
      return .integer(isNegative ? -value : value)
    }
    guard !whole.isEmpty, whole.count == 1 || whole.first != UInt8(ascii: "0") else {
      throw refusal("a number begins with a digit, and with 0 only before a point")
    }
    var fraction: ArraySlice<UInt8> = []
    if take(".") {
      fraction = digits()
      guard !fraction.isEmpty else { throw refusal("a number's point is followed by a digit") }
    }
    var exponent = 0
    if take("e") || take("E") {
      let isSmall = take("-")
      if !isSmall { _ = take("+") }
      let power = digits()
      guard !power.isEmpty else { throw refusal("a number's exponent has a digit") }
      // More than any number of this length can make up for.
      exponent = min(Int(String(decoding: power.prefix(9), as: UTF8.self)) ?? 0, 1000) * (isSmall ? -1 : 1)
    }
    let text = bytes[start..<index]
    guard text.count <= StrictJSON.maxNumberBytes else { throw refusal("a number is too long") }
    if let integer = Self.integer(isNegative, whole + fraction, point: whole.count + exponent) {
      return .integer(integer)
    }
    guard let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite else {
      throw refusal("a number can't be represented")
    }
    return .number(value)
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }

  private mutating func digits() -> ArraySlice<UInt8> {
    let start = index
    while let byte = next, Self.isDigit(byte) { index += 1 }
    return bytes[start..<index]
  }

  /// The digits as a whole number if they are one, with so many of them before the point; nil also if it is too large.
  private static func integer(_ isNegative: Bool, _ digits: ArraySlice<UInt8>, point: Int) -> Int64? {
    let digits = Array(digits)
    guard digits.dropFirst(max(0, point)).allSatisfy({ $0 == UInt8(ascii: "0") }) else { return nil }
    let significant = digits.prefix(max(0, point)).drop { $0 == UInt8(ascii: "0") }
    if significant.isEmpty { return 0 }
    let zeros = max(0, point - digits.count)
    // Int64 has 19 digits at most.
    guard significant.count + zeros <= 19 else { return nil }
    let text = String(decoding: significant, as: UTF8.self) + String(repeating: "0", count: zeros)
    return Int64((isNegative ? "-" : "") + text)
  }
}
