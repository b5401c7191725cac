/// The elements of an array, one after the other. Small enough to need no memory of its own.
struct JSONArrayWriter: UnkeyedEncodingContainer {
  private let writing: JSONWriting
  private let place: JSONWriting.Place

  init(_ writing: JSONWriting, _ place: JSONWriting.Place) {
    self.writing = writing
    self.place = place
  }

  var count: Int { writing.count(place) }

  var codingPath: [any CodingKey] {
    writing.doubt()
    return []
  }

  /// - Returns: where the value is to be written.
  @inline(__always)
  private func element() throws -> JSONWriting {
    try writing.beginElement(in: place)
    return writing
  }

  // MARK: Elements

  func encodeNil() throws { try element().null() }
  func encode(_ value: Bool) throws { try element().bool(value) }
  func encode(_ value: String) throws { try element().string(value) }
  func encode(_ value: Double) throws { try element().number(value) }
  func encode(_ value: Float) throws { try element().number(value) }
  func encode(_ value: Int) throws { try element().integer(value) }
  func encode(_ value: Int8) throws { try element().integer(value) }
  func encode(_ value: Int16) throws { try element().integer(value) }
  func encode(_ value: Int32) throws { try element().integer(value) }
  func encode(_ value: Int64) throws { try element().integer(value) }
  func encode(_ value: Int128) throws { try element().integer(value) }
  func encode(_ value: UInt) throws { try element().integer(value) }
  func encode(_ value: UInt8) throws { try element().integer(value) }
  func encode(_ value: UInt16) throws { try element().integer(value) }
  func encode(_ value: UInt32) throws { try element().integer(value) }
  func encode(_ value: UInt64) throws { try element().integer(value) }
  func encode(_ value: UInt128) throws { try element().integer(value) }
  func encode<Value: Encodable>(_ value: Value) throws { try element().value(value) }

  // MARK: Containers

  func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    KeyedEncodingContainer(JSONObjectWriter<Nested>(writing, nested(isObject: true)))
  }

  func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    JSONArrayWriter(writing, nested(isObject: false))
  }

  private func nested(isObject: Bool) -> JSONWriting.Place { (try? element().begin(isObject: isObject)) ?? .nowhere }

  func superEncoder() -> any Encoder { JSONValueWriter(doubtful: writing) }
}
