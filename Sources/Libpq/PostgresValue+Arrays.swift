#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension PostgresValue {
  /// A `bigint[]`.
  public static func int8Array(_ values: [Int64]) -> PostgresValue {
    array(PostgresType.int8Array, of: PostgresType.int8, values, elementBytes: 8) { bytes, value in
      bytes.appendInteger(Int32(8))
      bytes.appendInteger(value)
    }
  }

  /// An `integer[]`.
  public static func int4Array(_ values: [Int32]) -> PostgresValue {
    array(PostgresType.int4Array, of: PostgresType.int4, values, elementBytes: 4) { bytes, value in
      bytes.appendInteger(Int32(4))
      bytes.appendInteger(value)
    }
  }

  /// A `boolean[]`.
  public static func boolArray(_ values: [Bool]) -> PostgresValue {
    array(PostgresType.boolArray, of: PostgresType.bool, values, elementBytes: 1) { bytes, value in
      bytes.appendInteger(Int32(1))
      bytes.append(value ? 1 : 0)
    }
  }

  /// A `double precision[]`.
  public static func float8Array(_ values: [Double]) -> PostgresValue {
    array(PostgresType.float8Array, of: PostgresType.float8, values, elementBytes: 8) { bytes, value in
      bytes.appendInteger(Int32(8))
      bytes.appendInteger(value.bitPattern)
    }
  }

  /// A `text[]`; nil elements are NULL.
  public static func textArray(_ values: [String?]) -> PostgresValue {
    array(PostgresType.textArray, of: PostgresType.text, values, elementBytes: 16) { bytes, value in
      guard let value else { return bytes.appendInteger(Int32(-1)) }
      bytes.appendInteger(Int32(clamping: value.utf8.count))
      bytes.append(contentsOf: value.utf8)
    }
  }

  /// A `json[]` of UTF-8 JSON texts; nil elements are NULL.
  public static func jsonArray(_ values: [Data?]) -> PostgresValue {
    array(PostgresType.jsonArray, of: PostgresType.json, values, elementBytes: 64) { bytes, value in
      guard let value else { return bytes.appendInteger(Int32(-1)) }
      bytes.appendInteger(Int32(clamping: value.count))
      bytes.append(contentsOf: value)
    }
  }

  /// A `timestamptz[]`; nil elements are NULL.
  public static func timestamptzArray(_ values: [Date?]) -> PostgresValue {
    guard !values.contains(where: { $0?.timeIntervalSinceReferenceDate.isNaN == true }) else {
      return PostgresValue(.invalid("a date is not a number"))
    }
    return array(PostgresType.timestamptzArray, of: PostgresType.timestamptz, values, elementBytes: 8) { bytes, value in
      guard let microseconds = value.flatMap(PostgresTimestamp.microseconds) else {
        return bytes.appendInteger(Int32(-1))
      }
      bytes.appendInteger(Int32(8))
      bytes.appendInteger(microseconds)
    }
  }

  /// An `interval[]`; nil elements are NULL.
  public static func intervalArray(_ values: [Duration?]) -> PostgresValue {
    array(PostgresType.intervalArray, of: PostgresType.interval, values, elementBytes: 16) { bytes, value in
      guard let value else { return bytes.appendInteger(Int32(-1)) }
      bytes.appendInteger(Int32(16))
      bytes.appendInterval(value)
    }
  }

  /// The binary form of a one-dimensional array: dimensions, NULL flag (ignored by the server), element type, length, lower bound,
  /// then each element behind its length. An empty array has no dimension.
  private static func array<Element>(
    _ type: UInt32,
    of elementType: UInt32,
    _ values: [Element],
    elementBytes: Int,
    _ append: (inout [UInt8], Element) -> Void
  ) -> PostgresValue {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(20 + values.count * (4 + elementBytes))
    bytes.appendInteger(Int32(values.isEmpty ? 0 : 1))
    bytes.appendInteger(Int32(1))
    bytes.appendInteger(elementType)
    if !values.isEmpty {
      bytes.appendInteger(Int32(clamping: values.count))
      bytes.appendInteger(Int32(1))
      for value in values { append(&bytes, value) }
    }
    return PostgresValue(.encoded(type: type, bytes: bytes))
  }
}
