/// One value of a writing, as an `encode(to:)` gets it.
struct JSONValueWriter: Encoder, SingleValueEncodingContainer {
  private let writing: JSONWriting
  /// Open containers around the value.
  private let depth: Int
  /// Where its text begins.
  private let start: Int

  init(_ writing: JSONWriting, depth: Int, start: Int) {
    self.writing = writing
    self.depth = depth
    self.start = start
  }

  /// For what only Foundation does: what is written to it comes to nothing.
  init(doubtful writing: JSONWriting, depth: Int) {
    writing.doubt()
    self.init(writing, depth: depth, start: -1)
  }

  var codingPath: [any CodingKey] { writing.path(depth: depth) }

  var userInfo: [CodingUserInfoKey: Any] { writing.rules.userInfo }

  func container<Key: CodingKey>(keyedBy type: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(
      JSONObjectWriter<Key>(writing, writing.container(isObject: true, depth: depth, start: start))
    )
  }

  func unkeyedContainer() -> any UnkeyedEncodingContainer {
    JSONArrayWriter(writing, writing.container(isObject: false, depth: depth, start: start))
  }

  func singleValueContainer() -> any SingleValueEncodingContainer { self }

  /// - Returns: where the value is to be written.
  @inline(__always)
  private func own() -> JSONWriting {
    writing.beginValue(depth: depth, start: start)
    return writing
  }

  func encodeNil() throws { own().null() }
  func encode(_ value: Bool) throws { own().bool(value) }
  func encode(_ value: String) throws { own().string(value) }
  func encode(_ value: Double) throws { own().number(value) }
  func encode(_ value: Float) throws { own().number(value) }
  func encode(_ value: Int) throws { own().integer(value) }
  func encode(_ value: Int8) throws { own().integer(value) }
  func encode(_ value: Int16) throws { own().integer(value) }
  func encode(_ value: Int32) throws { own().integer(value) }
  func encode(_ value: Int64) throws { own().integer(value) }
  func encode(_ value: Int128) throws { own().integer(value) }
  func encode(_ value: UInt) throws { own().integer(value) }
  func encode(_ value: UInt8) throws { own().integer(value) }
  func encode(_ value: UInt16) throws { own().integer(value) }
  func encode(_ value: UInt32) throws { own().integer(value) }
  func encode(_ value: UInt64) throws { own().integer(value) }
  func encode(_ value: UInt128) throws { own().integer(value) }
  func encode<Value: Encodable>(_ value: Value) throws { try own().value(value) }
}
