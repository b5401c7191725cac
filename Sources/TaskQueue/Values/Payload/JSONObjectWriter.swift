/// The members of an object.
struct JSONObjectWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
  private let writing: JSONWriting
  private let place: JSONWriting.Place

  init(_ writing: JSONWriting, _ place: JSONWriting.Place) {
    self.writing = writing
    self.place = place
  }

  var codingPath: [any CodingKey] { writing.path(depth: place.valueDepth - 1) }

  /// - Returns: where the value is to be written.
  @inline(__always)
  private func member(_ key: Key) -> JSONWriting {
    writing.beginMember(key.stringValue, in: place)
    return writing
  }

  // MARK: Members

  func encodeNil(forKey key: Key) throws { member(key).null() }
  func encode(_ value: Bool, forKey key: Key) throws { member(key).bool(value) }
  func encode(_ value: String, forKey key: Key) throws { member(key).string(value) }
  func encode(_ value: Double, forKey key: Key) throws { member(key).number(value) }
  func encode(_ value: Float, forKey key: Key) throws { member(key).number(value) }
  func encode(_ value: Int, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: Int8, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: Int16, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: Int32, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: Int64, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: Int128, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: UInt, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: UInt8, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: UInt16, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: UInt32, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: UInt64, forKey key: Key) throws { member(key).integer(value) }
  func encode(_ value: UInt128, forKey key: Key) throws { member(key).integer(value) }
  func encode<Value: Encodable>(_ value: Value, forKey key: Key) throws { try member(key).value(value) }

  // MARK: Containers

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type,
    forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    KeyedEncodingContainer(JSONObjectWriter<Nested>(writing, nested(key, isObject: true)))
  }

  func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    JSONArrayWriter(writing, nested(key, isObject: false))
  }

  private func nested(_ key: Key, isObject: Bool) -> JSONWriting.Place {
    member(key).begin(isObject: isObject)
  }

  func superEncoder() -> any Encoder { JSONValueWriter(doubtful: writing, depth: place.valueDepth) }
  func superEncoder(forKey key: Key) -> any Encoder { JSONValueWriter(doubtful: writing, depth: place.valueDepth) }
}
