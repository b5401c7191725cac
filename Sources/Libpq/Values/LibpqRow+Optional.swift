import CLibpq

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension LibpqRow {
  /// As ``int8(_:)``, nil for NULL.
  public func optionalInt8(_ column: Int) throws(LibpqError) -> Int64? {
    guard let field = try field(column) else { return nil }
    if !field.isBinary { return try parsed(column, field, "an integer") }
    switch (field.type, field.bytes.count) {
    case (LibpqType.int8, 8): return field.integer()
    case (LibpqType.int4, 4): return Int64(field.integer() as Int32)
    case (LibpqType.int2, 2): return Int64(field.integer() as Int16)
    case (LibpqType.oid, 4), (LibpqType.xid, 4): return Int64(field.integer() as UInt32)
    case (LibpqType.xid8, 8):
      guard let value = Int64(exactly: field.integer() as UInt64) else { throw failure(column, "is out of range") }
      return value
    default: throw failure(column, "is not an integer (type \(field.type))")
    }
  }

  /// As ``int4(_:)``, nil for NULL.
  public func optionalInt4(_ column: Int) throws(LibpqError) -> Int32? {
    guard let wide = try optionalInt8(column) else { return nil }
    guard let value = Int32(exactly: wide) else { throw failure(column, "does not fit 32 bits") }
    return value
  }

  /// As ``bool(_:)``, nil for NULL.
  public func optionalBool(_ column: Int) throws(LibpqError) -> Bool? {
    guard let field = try field(column) else { return nil }
    guard field.type == LibpqType.bool, field.bytes.count == 1 else { throw failure(column, "is not a boolean") }
    return field.isBinary ? field.bytes[0] != 0 : field.bytes[0] == UInt8(ascii: "t")
  }

  /// As ``float8(_:)``, nil for NULL.
  public func optionalFloat8(_ column: Int) throws(LibpqError) -> Double? {
    guard let field = try field(column) else { return nil }
    if !field.isBinary { return try parsed(column, field, "a number") }
    switch (field.type, field.bytes.count) {
    case (LibpqType.float8, 8): return Double(bitPattern: field.integer())
    case (LibpqType.float4, 4): return Double(Float(bitPattern: field.integer()))
    default: throw failure(column, "is not a floating-point number (type \(field.type))")
    }
  }

  /// As ``text(_:)``, nil for NULL.
  public func optionalText(_ column: Int) throws(LibpqError) -> String? {
    guard let bytes = try textBytes(column) else { return nil }
    // libpq puts a NUL behind each value, and this costs a fifth of the other, which is generic. A `"char"` may be a NUL itself.
    if let start = bytes.assumingMemoryBound(to: CChar.self).baseAddress, let text = String(validatingCString: start),
      text.utf8.count == bytes.count
    {
      return text
    }
    guard let text = String(validating: bytes, as: UTF8.self) else { throw failure(column, "is not UTF-8") }
    return text
  }

  /// As ``uuid(_:)``, nil for NULL.
  public func optionalUUID(_ column: Int) throws(LibpqError) -> UUID? {
    guard let field = try field(column) else { return nil }
    guard field.type == LibpqType.uuid, field.isBinary, field.bytes.count == 16 else {
      throw failure(column, "is not a uuid in binary format (type \(field.type))")
    }
    return UUID(uuid: field.bytes.loadUnaligned(as: uuid_t.self))
  }

  /// As ``data(_:)``, nil for NULL.
  public func optionalData(_ column: Int) throws(LibpqError) -> Data? {
    guard let field = try field(column) else { return nil }
    if field.type == LibpqType.bytea {
      guard field.isBinary else { throw failure(column, "is a bytea in text format") }
      return Data(field.bytes)
    }
    return try textBytes(column).map { Data($0) }
  }

  /// As ``timestamptz(_:)``, nil for NULL.
  public func optionalTimestamptz(_ column: Int) throws(LibpqError) -> Date? {
    guard let field = try field(column) else { return nil }
    guard field.type == LibpqType.timestamptz, field.isBinary, field.bytes.count == 8 else {
      throw failure(column, "is not a timestamptz in binary format (type \(field.type))")
    }
    return LibpqTimestamp.date(field.integer())
  }
}

extension LibpqRow {
  /// A value that is not NULL, as it lies in the result.
  struct Field {
    let type: UInt32
    let isBinary: Bool
    /// Valid as long as the row's result.
    let bytes: UnsafeRawBufferPointer

    /// The caller has checked the size.
    func integer<Integer: FixedWidthInteger>() -> Integer {
      Integer(bigEndian: bytes.loadUnaligned(as: Integer.self))
    }
  }

  /// Nil for NULL.
  func field(_ column: Int) throws(LibpqError) -> Field? {
    guard column >= 0, column < result.columnCount else {
      throw LibpqError(.decoding, "column \(column) is not one of the \(result.columnCount) columns")
    }
    let (row, column) = (Int32(index), Int32(column))
    let pointer = result.pointer
    guard PQgetisnull(pointer, row, column) == 0, let start = PQgetvalue(pointer, row, column) else { return nil }
    return Field(
      type: PQftype(pointer, column),
      isBinary: PQfformat(pointer, column) == 1,
      bytes: UnsafeRawBufferPointer(start: start, count: Int(PQgetlength(pointer, row, column)))
    )
  }

  /// The UTF-8 bytes of a column that is text in nature. `jsonb` has a version byte in front.
  private func textBytes(_ column: Int) throws(LibpqError) -> UnsafeRawBufferPointer? {
    guard let field = try field(column) else { return nil }
    guard field.isBinary else { return field.bytes }
    switch field.type {
    case LibpqType.text, LibpqType.varchar, LibpqType.bpchar, LibpqType.name, LibpqType.json,
      LibpqType.xml, LibpqType.unknown, LibpqType.char:
      return field.bytes
    case LibpqType.jsonb:
      guard field.bytes.first == 1 else { throw failure(column, "is a jsonb of an unknown version") }
      return UnsafeRawBufferPointer(rebasing: field.bytes.dropFirst())
    default:
      // Types made in the database (enums, domains over text, citext) have identifiers from 16384 upwards, and theirs is a text form.
      guard field.type >= 16_384 else { throw failure(column, "is not a text (type \(field.type))") }
      return field.bytes
    }
  }

  private func parsed<Value: LosslessStringConvertible>(
    _ column: Int,
    _ field: Field,
    _ kind: String
  ) throws(LibpqError) -> Value {
    guard let value = Value(String(decoding: field.bytes, as: UTF8.self)) else {
      throw failure(column, "is not \(kind) (type \(field.type))")
    }
    return value
  }

  /// Names the column, never its value.
  func failure(_ column: Int, _ reason: String) -> LibpqError {
    let name = result.columnName(column)
    var error = LibpqError(.decoding, "column \(name ?? String(column)) \(reason)")
    error.column = name
    return error
  }
}
