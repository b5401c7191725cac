#if canImport(FoundationEssentials)
  public import FoundationEssentials
#else
  public import Foundation
#endif

/// A parameter of a statement, sent in binary where that is cheap.
///
/// Every value but NULL, ``json(_:)`` and ``unknown(_:)`` tells the server its type. A value that can't be sent (a date that is not
/// a number, JSON with a NUL byte) fails the statement with ``LibpqError/Code/invalidArgument`` before anything is sent.
public struct LibpqValue: Sendable {
  enum Storage: Sendable {
    case null
    case bool(Bool)
    case int4(Int32)
    case int8(Int64)
    case float8(Double)
    case timestamptz(Int64)
    case text(String)
    /// Text format without a type.
    case unknown(String)
    case unknownBytes(Data)
    case bytea(Data)
    /// Already in the type's binary format.
    case encoded(type: UInt32, bytes: [UInt8])
    case invalid(String)
  }

  let storage: Storage

  init(_ storage: Storage) { self.storage = storage }

  /// NULL; its type is inferred from the statement.
  public static let null = LibpqValue(.null)

  /// A `bigint`.
  public static func int8(_ value: Int64) -> LibpqValue { LibpqValue(.int8(value)) }

  /// An `integer`.
  public static func int4(_ value: Int32) -> LibpqValue { LibpqValue(.int4(value)) }

  /// A `boolean`.
  public static func bool(_ value: Bool) -> LibpqValue { LibpqValue(.bool(value)) }

  /// A `double precision`.
  public static func float8(_ value: Double) -> LibpqValue { LibpqValue(.float8(value)) }

  /// A `text`. For other types with a text form use ``unknown(_:)`` or a cast.
  public static func text(_ value: String) -> LibpqValue { LibpqValue(.text(value)) }

  /// Text whose type the server infers from the statement, as with a quoted literal: enums, `numeric`, `inet`, ….
  public static func unknown(_ value: String) -> LibpqValue {
    value.utf8.contains(0) ? LibpqValue(.invalid("a text has a NUL character")) : LibpqValue(.unknown(value))
  }

  /// A `uuid`.
  public static func uuid(_ value: UUID) -> LibpqValue {
    LibpqValue(.encoded(type: LibpqType.uuid, bytes: withUnsafeBytes(of: value.uuid) { Array($0) }))
  }

  /// UTF-8 bytes of a JSON text, for `json` and `jsonb` alike.
  public static func json(_ value: Data) -> LibpqValue {
    value.contains(0) ? LibpqValue(.invalid("a JSON text has a NUL byte")) : LibpqValue(.unknownBytes(value))
  }

  /// A `bytea`.
  public static func bytea(_ value: Data) -> LibpqValue { LibpqValue(.bytea(value)) }

  /// A `timestamptz`, rounded to microseconds. `.distantFuture` and later is `infinity`, `.distantPast` and earlier `-infinity`.
  public static func timestamptz(_ value: Date) -> LibpqValue {
    guard let microseconds = LibpqTimestamp.microseconds(value) else {
      return LibpqValue(.invalid("a date is not a number"))
    }
    return LibpqValue(.timestamptz(microseconds))
  }

  /// An `interval`, rounded towards zero to microseconds; longer ones than 292,000 years are cut to that.
  public static func interval(_ value: Duration) -> LibpqValue {
    var bytes: [UInt8] = []
    bytes.appendInterval(value)
    return LibpqValue(.encoded(type: LibpqType.interval, bytes: bytes))
  }
}

extension LibpqValue: ExpressibleByNilLiteral, ExpressibleByIntegerLiteral, ExpressibleByStringLiteral,
  ExpressibleByBooleanLiteral, ExpressibleByFloatLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(integerLiteral value: Int64) { self = .int8(value) }
  public init(stringLiteral value: String) { self = .text(value) }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(floatLiteral value: Double) { self = .float8(value) }
}
