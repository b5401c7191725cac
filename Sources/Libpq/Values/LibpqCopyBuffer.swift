#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// Rows in the binary format of `COPY … FROM STDIN (FORMAT binary)`, gathered in one block of bytes.
///
/// Begin each row with ``beginRow(columns:)`` and append as many values, each of exactly its column's type: the server converts nothing.
/// The header goes in front of the first row, the trailer behind the last, over however many chunks the rows are sent.
public struct LibpqCopyBuffer: Sendable {
  /// What was appended since the last ``removeAll()``.
  public private(set) var bytes: [UInt8] = []

  /// - Parameter capacity: The bytes to make room for at once.
  public init(capacity: Int = 0) {
    bytes.reserveCapacity(capacity)
  }

  public var count: Int { bytes.count }

  /// Empties the buffer and keeps its memory.
  public mutating func removeAll() { bytes.removeAll(keepingCapacity: true) }

  /// The signature, no flags, no extension.
  public mutating func appendHeader() {
    bytes.append(contentsOf: [
      0x50, 0x47, 0x43, 0x4F, 0x50, 0x59, 0x0A, 0xFF, 0x0D, 0x0A, 0x00, 0, 0, 0, 0, 0, 0, 0, 0,
    ])
  }

  public mutating func appendTrailer() { bytes.appendInteger(Int16(-1)) }

  public mutating func beginRow(columns: Int) { bytes.appendInteger(Int16(clamping: columns)) }

  public mutating func appendNull() { bytes.appendInteger(Int32(-1)) }

  /// For a `boolean` column.
  public mutating func append(_ value: Bool) {
    bytes.appendInteger(Int32(1))
    bytes.append(value ? 1 : 0)
  }

  /// For a `smallint` column.
  public mutating func append(_ value: Int16) { appendFixedWidth(value) }

  /// For an `integer` column.
  public mutating func append(_ value: Int32) { appendFixedWidth(value) }

  /// For a `bigint` column.
  public mutating func append(_ value: Int64) { appendFixedWidth(value) }

  /// For a `text` column. The server refuses a NUL character.
  public mutating func append(_ value: String) {
    var value = value
    value.withUTF8 { utf8 in
      bytes.appendInteger(Int32(clamping: utf8.count))
      bytes.append(contentsOf: utf8)
    }
  }

  /// For a `json`, `text` or `bytea` column.
  public mutating func append(_ value: Data) {
    value.withUnsafeBytes { raw in
      bytes.appendInteger(Int32(clamping: raw.count))
      bytes.append(contentsOf: raw)
    }
  }

  /// For a `timestamptz` column; as ``LibpqValue/timestamptz(_:)``.
  ///
  /// - Throws: ``LibpqError/Code/invalidArgument`` for a date that is not a number; nothing was appended.
  public mutating func append(_ value: Date) throws(LibpqError) {
    guard let microseconds = LibpqTimestamp.microseconds(value) else {
      throw LibpqError(.invalidArgument, "a date is not a number")
    }
    appendFixedWidth(microseconds)
  }

  private mutating func appendFixedWidth<Integer: FixedWidthInteger>(_ value: Integer) {
    bytes.appendInteger(Int32(Integer.bitWidth / 8))
    bytes.appendInteger(value)
  }
}
