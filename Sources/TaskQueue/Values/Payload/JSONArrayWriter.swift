/// The elements of an array, one after the other. Small enough to need no memory of its own.
struct JSONArrayWriter: UnkeyedEncodingContainer {
  private let writing: JSONWriting
  private let place: JSONWriting.Place
  private var written = 0

  init(_ writing: JSONWriting, _ place: JSONWriting.Place) {
    self.writing = writing
    self.place = place
  }

  var count: Int { writing.count(place) ?? written }

  var codingPath: [any CodingKey] { writing.path(depth: place.valueDepth - 1) }

  /// - Returns: where the value is to be written.
  @inline(__always)
  private mutating func element() -> JSONWriting {
    writing.beginElement(in: place)
    written += 1
    return writing
  }

  // MARK: Elements

  mutating func encodeNil() throws { element().null() }
  mutating func encode(_ value: Bool) throws { element().bool(value) }
  mutating func encode(_ value: String) throws { element().string(value) }
  mutating func encode(_ value: Double) throws { element().number(value) }
  mutating func encode(_ value: Float) throws { element().number(value) }
  mutating func encode(_ value: Int) throws { element().integer(value) }
  mutating func encode(_ value: Int8) throws { element().integer(value) }
  mutating func encode(_ value: Int16) throws { element().integer(value) }
  mutating func encode(_ value: Int32) throws { element().integer(value) }
  mutating func encode(_ value: Int64) throws { element().integer(value) }
  mutating func encode(_ value: Int128) throws { element().integer(value) }
  mutating func encode(_ value: UInt) throws { element().integer(value) }
  mutating func encode(_ value: UInt8) throws { element().integer(value) }
  mutating func encode(_ value: UInt16) throws { element().integer(value) }
  mutating func encode(_ value: UInt32) throws { element().integer(value) }
  mutating func encode(_ value: UInt64) throws { element().integer(value) }
  mutating func encode(_ value: UInt128) throws { element().integer(value) }
  mutating func encode<Value: Encodable>(_ value: Value) throws { try element().value(value) }

  // MARK: Containers

  mutating func nestedContainer<Nested: CodingKey>(keyedBy type: Nested.Type) -> KeyedEncodingContainer<Nested> {
    KeyedEncodingContainer(JSONObjectWriter<Nested>(writing, nested(isObject: true)))
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    JSONArrayWriter(writing, nested(isObject: false))
  }

  private mutating func nested(isObject: Bool) -> JSONWriting.Place { element().begin(isObject: isObject) }

  mutating func superEncoder() -> any Encoder {
    written += 1
    return JSONValueWriter(doubtful: writing, depth: place.valueDepth)
  }
}
