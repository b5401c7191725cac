#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

extension LibpqValue {
  /// A `bigint[]`.
  public static func int8Array(_ values: [Int64]) -> LibpqValue {
    array(LibpqType.int8Array, of: LibpqType.int8, values, elementBytes: 8) { bytes, value in
      bytes.appendInteger(Int32(8))
      bytes.appendInteger(value)
    }
  }

  /// An `integer[]`.
  public static func int4Array(_ values: [Int32]) -> LibpqValue {
    array(LibpqType.int4Array, of: LibpqType.int4, values, elementBytes: 4) { bytes, value in
      bytes.appendInteger(Int32(4))
      bytes.appendInteger(value)
    }
  }

  /// A `boolean[]`.
  public static func boolArray(_ values: [Bool]) -> LibpqValue {
    array(LibpqType.boolArray, of: LibpqType.bool, values, elementBytes: 1) { bytes, value in
      bytes.appendInteger(Int32(1))
      bytes.append(value ? 1 : 0)
    }
  }

  /// A `double precision[]`.
  public static func float8Array(_ values: [Double]) -> LibpqValue {
    array(LibpqType.float8Array, of: LibpqType.float8, values, elementBytes: 8) { bytes, value in
      bytes.appendInteger(Int32(8))
      bytes.appendInteger(value.bitPattern)
    }
  }

  /// A `text[]`; nil elements are NULL.
  public static func textArray(_ values: [String?]) -> LibpqValue {
    array(LibpqType.textArray, of: LibpqType.text, values, elementBytes: 16) { bytes, value in
      guard let value else { return bytes.appendInteger(Int32(-1)) }
      bytes.appendInteger(Int32(clamping: value.utf8.count))
      bytes.append(contentsOf: value.utf8)
    }
  }

  /// A `json[]` of UTF-8 JSON texts; nil elements are NULL.
  public static func jsonArray(_ values: [Data?]) -> LibpqValue {
    array(LibpqType.jsonArray, of: LibpqType.json, values, elementBytes: 64) { bytes, value in
      guard let value else { return bytes.appendInteger(Int32(-1)) }
      bytes.appendInteger(Int32(clamping: value.count))
      bytes.append(contentsOf: value)
    }
  }

  /// A `timestamptz[]`; nil elements are NULL.
  public static func timestamptzArray(_ values: [Date?]) -> LibpqValue {
    guard !values.contains(where: { $0?.timeIntervalSinceReferenceDate.isNaN == true }) else {
      return LibpqValue(.invalid("a date is not a number"))
    }
    return array(LibpqType.timestamptzArray, of: LibpqType.timestamptz, values, elementBytes: 8) { bytes, value in
      guard let microseconds = value.flatMap(LibpqTimestamp.microseconds) else {
        return bytes.appendInteger(Int32(-1))
      }
      bytes.appendInteger(Int32(8))
      bytes.appendInteger(microseconds)
    }
  }

  /// An `interval[]`; nil elements are NULL.
  public static func intervalArray(_ values: [Duration?]) -> LibpqValue {
    array(LibpqType.intervalArray, of: LibpqType.interval, values, elementBytes: 16) { bytes, value in
      guard let value else { return bytes.appendInteger(Int32(-1)) }
      bytes.appendInteger(Int32(16))
      bytes.appendInterval(value)
    }
  }

  /// A `uuid[]`.
  public static func uuidArray(_ values: [UUID]) -> LibpqValue {
    array(LibpqType.uuidArray, of: LibpqType.uuid, values, elementBytes: 16) { bytes, value in
      bytes.appendInteger(Int32(16))
      withUnsafeBytes(of: value.uuid) { bytes.append(contentsOf: $0) }
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
  ) -> LibpqValue {
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
    return LibpqValue(.encoded(type: type, bytes: bytes))
  }
}
