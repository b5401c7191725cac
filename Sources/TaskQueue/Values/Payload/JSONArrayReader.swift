/// The elements of an array, one after the other. Small enough to need no memory of its own.
struct JSONArrayReader: UnkeyedDecodingContainer {
  private let reading: JSONReading
  private let array: UInt32
  /// The node of the element that comes next; after the last one the node after the array.
  private var node: UInt32
  private var index: UInt32 = 0

  init(_ reading: JSONReading, _ node: Int) throws {
    guard reading.kind(node) == .array else { throw reading.mismatch([Any].self, node) }
    self.reading = reading
    array = UInt32(truncatingIfNeeded: node)
    self.node = array + 1
  }

  var codingPath: [any CodingKey] { reading.path(to: Int(array)) }
  var count: Int? { reading.length(Int(array)) }
  var currentIndex: Int { Int(index) }
  var isAtEnd: Bool { currentIndex >= reading.length(Int(array)) }

  /// An element that cannot be read stays the next one.
  @inline(__always)
  private mutating func element<Value>(_ read: (Int) throws -> Value) throws -> Value {
    guard !isAtEnd else { throw reading.atEnd(Value.self, Int(array)) }
    let value = try read(Int(node))
    advance()
    return value
  }

  /// As Foundation's: the end reads as null, and is passed.
  @inline(__always)
  private mutating func present<Value>(_ read: (Int) throws -> Value) throws -> Value? {
    let value = isAtEnd || reading.kind(Int(node)) == .null ? nil : try read(Int(node))
    advance()
    return value
  }

  @inline(__always)
  private mutating func advance() {
    if !isAtEnd { node = UInt32(truncatingIfNeeded: reading.next(Int(node))) }
    index += 1
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd else { throw reading.atEnd(Never.self, Int(array)) }
    guard reading.kind(Int(node)) == .null else { return false }
    advance()
    return true
  }

  // MARK: Elements

  mutating func decode(_: Bool.Type) throws -> Bool { try element(reading.bool) }
  mutating func decode(_: String.Type) throws -> String { try element(reading.string) }
  mutating func decode(_: Double.Type) throws -> Double { try element(reading.double) }
  mutating func decode(_: Float.Type) throws -> Float { try element(reading.float) }
  mutating func decode(_: Int.Type) throws -> Int { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: Int8.Type) throws -> Int8 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: Int16.Type) throws -> Int16 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: Int32.Type) throws -> Int32 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: Int64.Type) throws -> Int64 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: Int128.Type) throws -> Int128 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: UInt.Type) throws -> UInt { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: UInt8.Type) throws -> UInt8 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: UInt16.Type) throws -> UInt16 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: UInt32.Type) throws -> UInt32 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: UInt64.Type) throws -> UInt64 { try element { [reading] in try reading.integer($0) } }
  mutating func decode(_: UInt128.Type) throws -> UInt128 { try element { [reading] in try reading.integer($0) } }

  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try element { [reading] in try reading.value(type, $0) }
  }

  // MARK: Elements that may be null

  mutating func decodeIfPresent(_: Bool.Type) throws -> Bool? { try present(reading.bool) }
  mutating func decodeIfPresent(_: String.Type) throws -> String? { try present(reading.string) }
  mutating func decodeIfPresent(_: Double.Type) throws -> Double? { try present(reading.double) }
  mutating func decodeIfPresent(_: Float.Type) throws -> Float? { try present(reading.float) }
  mutating func decodeIfPresent(_: Int.Type) throws -> Int? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: Int8.Type) throws -> Int8? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: Int16.Type) throws -> Int16? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: Int32.Type) throws -> Int32? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: Int64.Type) throws -> Int64? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: Int128.Type) throws -> Int128? {
    try present { [reading] in try reading.integer($0) }
  }
  mutating func decodeIfPresent(_: UInt.Type) throws -> UInt? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: UInt8.Type) throws -> UInt8? { try present { [reading] in try reading.integer($0) } }
  mutating func decodeIfPresent(_: UInt16.Type) throws -> UInt16? {
    try present { [reading] in try reading.integer($0) }
  }
  mutating func decodeIfPresent(_: UInt32.Type) throws -> UInt32? {
    try present { [reading] in try reading.integer($0) }
  }
  mutating func decodeIfPresent(_: UInt64.Type) throws -> UInt64? {
    try present { [reading] in try reading.integer($0) }
  }
  mutating func decodeIfPresent(_: UInt128.Type) throws -> UInt128? {
    try present { [reading] in try reading.integer($0) }
  }

  mutating func decodeIfPresent<Value: Decodable>(_ type: Value.Type) throws -> Value? {
    try present { [reading] in try reading.value(type, $0) }
  }

  // MARK: Containers

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> {
    try element { [reading] in KeyedDecodingContainer(try JSONObjectReader<Nested>(reading, $0)) }
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
    try element { [reading] in try JSONArrayReader(reading, $0) }
  }

  mutating func superDecoder() throws -> any Decoder {
    reading.isDoubtful = true
    return try element { [reading] in JSONValueReader(reading, $0) }
  }
}
