/// One value of a reading, as an `init(from:)` gets it.
struct JSONValueReader: Decoder, SingleValueDecodingContainer {
  private let reading: JSONReading
  private let node: Int

  init(_ reading: JSONReading, _ node: Int) {
    self.reading = reading
    self.node = node
  }

  var codingPath: [any CodingKey] { reading.path(to: node) }
  var userInfo: [CodingUserInfoKey: Any] { reading.rules.userInfo }

  /// Foundation has one decoder for all values: one that is used after its `init(from:)` has ended reads another value there.
  @inline(__always)
  private func checkTurn() {
    if reading.current != node { reading.isDoubtful = true }
  }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    checkTurn()
    return KeyedDecodingContainer(try JSONObjectReader<Key>(reading, node))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    checkTurn()
    return try JSONArrayReader(reading, node)
  }

  func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

  func decodeNil() -> Bool {
    checkTurn()
    return reading.kind(node) == .null
  }

  @inline(__always)
  private func own<Value>(_ read: (Int) throws -> Value) rethrows -> Value {
    checkTurn()
    return try read(node)
  }

  func decode(_: Bool.Type) throws -> Bool { try own(reading.bool) }
  func decode(_: String.Type) throws -> String { try own(reading.string) }
  func decode(_: Double.Type) throws -> Double { try own(reading.double) }
  func decode(_: Float.Type) throws -> Float { try own(reading.float) }
  func decode(_: Int.Type) throws -> Int { try own { try reading.integer($0) } }
  func decode(_: Int8.Type) throws -> Int8 { try own { try reading.integer($0) } }
  func decode(_: Int16.Type) throws -> Int16 { try own { try reading.integer($0) } }
  func decode(_: Int32.Type) throws -> Int32 { try own { try reading.integer($0) } }
  func decode(_: Int64.Type) throws -> Int64 { try own { try reading.integer($0) } }
  func decode(_: Int128.Type) throws -> Int128 { try own { try reading.integer($0) } }
  func decode(_: UInt.Type) throws -> UInt { try own { try reading.integer($0) } }
  func decode(_: UInt8.Type) throws -> UInt8 { try own { try reading.integer($0) } }
  func decode(_: UInt16.Type) throws -> UInt16 { try own { try reading.integer($0) } }
  func decode(_: UInt32.Type) throws -> UInt32 { try own { try reading.integer($0) } }
  func decode(_: UInt64.Type) throws -> UInt64 { try own { try reading.integer($0) } }
  func decode(_: UInt128.Type) throws -> UInt128 { try own { try reading.integer($0) } }
  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try own { try reading.value(type, $0) } }
}
