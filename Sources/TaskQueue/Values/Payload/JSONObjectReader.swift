/// The members of an object.
struct JSONObjectReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
  private let reading: JSONReading
  private let node: Int

  init(_ reading: JSONReading, _ node: Int) throws {
    guard reading.kind(node) == .object else { throw reading.mismatch([String: Any].self, node) }
    self.reading = reading
    self.node = node
  }

  var codingPath: [any CodingKey] { reading.path(to: node) }

  var allKeys: [Key] {
    var keys: [Key] = []
    keys.reserveCapacity(reading.length(node))
    reading.forEachMember(of: node) { name, _ in
      if let key = Key(stringValue: name) { keys.append(key) }
    }
    return keys
  }

  func contains(_ key: Key) -> Bool { reading.member(key.stringValue, of: node) != nil }
  func decodeNil(forKey key: Key) throws -> Bool { try reading.kind(member(key)) == .null }

  @inline(__always)
  private func member(_ key: Key) throws -> Int {
    guard let member = reading.member(key.stringValue, of: node) else { throw reading.missing(key, node) }
    return member
  }

  /// nil: it is null, or not there.
  @inline(__always)
  private func present(_ key: Key) -> Int? {
    guard let member = reading.member(key.stringValue, of: node), reading.kind(member) != .null else { return nil }
    return member
  }

  // MARK: Members

  func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try reading.bool(member(key)) }
  func decode(_: String.Type, forKey key: Key) throws -> String { try reading.string(member(key)) }
  func decode(_: Double.Type, forKey key: Key) throws -> Double { try reading.double(member(key)) }
  func decode(_: Float.Type, forKey key: Key) throws -> Float { try reading.float(member(key)) }
  func decode(_: Int.Type, forKey key: Key) throws -> Int { try reading.integer(member(key)) }
  func decode(_: Int8.Type, forKey key: Key) throws -> Int8 { try reading.integer(member(key)) }
  func decode(_: Int16.Type, forKey key: Key) throws -> Int16 { try reading.integer(member(key)) }
  func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try reading.integer(member(key)) }
  func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try reading.integer(member(key)) }
  func decode(_: Int128.Type, forKey key: Key) throws -> Int128 { try reading.integer(member(key)) }
  func decode(_: UInt.Type, forKey key: Key) throws -> UInt { try reading.integer(member(key)) }
  func decode(_: UInt8.Type, forKey key: Key) throws -> UInt8 { try reading.integer(member(key)) }
  func decode(_: UInt16.Type, forKey key: Key) throws -> UInt16 { try reading.integer(member(key)) }
  func decode(_: UInt32.Type, forKey key: Key) throws -> UInt32 { try reading.integer(member(key)) }
  func decode(_: UInt64.Type, forKey key: Key) throws -> UInt64 { try reading.integer(member(key)) }
  func decode(_: UInt128.Type, forKey key: Key) throws -> UInt128 { try reading.integer(member(key)) }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    try reading.value(type, member(key))
  }

  // MARK: Members that may be missing

  func decodeIfPresent(_: Bool.Type, forKey key: Key) throws -> Bool? { try present(key).map(reading.bool) }
  func decodeIfPresent(_: String.Type, forKey key: Key) throws -> String? { try present(key).map(reading.string) }
  func decodeIfPresent(_: Double.Type, forKey key: Key) throws -> Double? { try present(key).map(reading.double) }
  func decodeIfPresent(_: Float.Type, forKey key: Key) throws -> Float? { try present(key).map(reading.float) }
  func decodeIfPresent(_: Int.Type, forKey key: Key) throws -> Int? { try present(key).map { try reading.integer($0) } }
  func decodeIfPresent(_: Int8.Type, forKey key: Key) throws -> Int8? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: Int16.Type, forKey key: Key) throws -> Int16? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: Int32.Type, forKey key: Key) throws -> Int32? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: Int64.Type, forKey key: Key) throws -> Int64? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: Int128.Type, forKey key: Key) throws -> Int128? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: UInt.Type, forKey key: Key) throws -> UInt? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: UInt8.Type, forKey key: Key) throws -> UInt8? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: UInt16.Type, forKey key: Key) throws -> UInt16? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: UInt32.Type, forKey key: Key) throws -> UInt32? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: UInt64.Type, forKey key: Key) throws -> UInt64? {
    try present(key).map { try reading.integer($0) }
  }
  func decodeIfPresent(_: UInt128.Type, forKey key: Key) throws -> UInt128? {
    try present(key).map { try reading.integer($0) }
  }

  func decodeIfPresent<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value? {
    try present(key).map { try reading.value(type, $0) }
  }

  // MARK: Containers

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type,
    forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    KeyedDecodingContainer(try JSONObjectReader<Nested>(reading, member(key)))
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try JSONArrayReader(reading, member(key))
  }

  func superDecoder() throws -> any Decoder { decoder("super") }
  func superDecoder(forKey key: Key) throws -> any Decoder { decoder(key.stringValue) }

  private func decoder(_ name: String) -> any Decoder {
    reading.isDoubtful = true
    return JSONValueReader(reading, reading.member(name, of: node) ?? JSONReading.absent)
  }
}
