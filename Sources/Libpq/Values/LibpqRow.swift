import CLibpq

#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// One row of a result. Keeps the whole result alive.
///
/// Each accessor takes a column's index, counted from 0, and throws ``LibpqError/Code/decoding`` for NULL, another type or an index out of
/// range. The `optional…` ones return nil for NULL. No accessor ever traps on what the server sent.
public struct LibpqRow: Sendable {
  let result: LibpqResult
  let index: Int

  /// Whether the column is NULL.
  public func isNull(_ column: Int) throws(LibpqError) -> Bool {
    try field(column) == nil
  }

  /// A `bigint`, `integer`, `smallint`, `oid`, `xid` or `xid8`.
  public func int8(_ column: Int) throws(LibpqError) -> Int64 {
    try required(column, optionalInt8(column))
  }

  /// An integer of any width whose value fits.
  public func int4(_ column: Int) throws(LibpqError) -> Int32 {
    try required(column, optionalInt4(column))
  }

  /// A `boolean`.
  public func bool(_ column: Int) throws(LibpqError) -> Bool {
    try required(column, optionalBool(column))
  }

  /// A `double precision` or `real`.
  public func float8(_ column: Int) throws(LibpqError) -> Double {
    try required(column, optionalFloat8(column))
  }

  /// A `text`, `varchar`, `char`, `name`, `json`, `jsonb`, `xml` or enum; any type in a result of the simple protocol.
  public func text(_ column: Int) throws(LibpqError) -> String {
    try required(column, optionalText(column))
  }

  /// A `uuid`.
  public func uuid(_ column: Int) throws(LibpqError) -> UUID {
    try required(column, optionalUUID(column))
  }

  /// The bytes of a `bytea`, or the UTF-8 bytes of a `json`, `jsonb` or text.
  public func data(_ column: Int) throws(LibpqError) -> Data {
    try required(column, optionalData(column))
  }

  /// A `timestamptz`; `infinity` is `.distantFuture`, `-infinity` is `.distantPast`.
  public func timestamptz(_ column: Int) throws(LibpqError) -> Date {
    try required(column, optionalTimestamptz(column))
  }

  private func required<Value>(_ column: Int, _ value: Value?) throws(LibpqError) -> Value {
    guard let value else { throw failure(column, "is NULL") }
    return value
  }
}
