#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

extension JSONWriting {
  // MARK: Single values

  func null() { append("null") }
  func bool(_ value: Bool) { append(value ? "true" : "false") }
  func integer(_ value: some FixedWidthInteger) { append(String(value)) }

  /// What is no number is up to the encoder's strategy.
  func number(_ value: some BinaryFloatingPoint & CustomStringConvertible) {
    guard value.isFinite else { return doubt() }
    let digits = value.description
    append(digits.hasSuffix(".0") ? String(digits.dropLast(2)) : digits)
  }

  // MARK: Other values

  /// What `JSONEncoder` does for a type, with the cases that it sets apart.
  func value<Value: Encodable>(_ value: Value) throws {
    if Value.self == String.self { return string(value as! String) }
    if Value.self == UUID.self { return string(UUIDText.text(of: value as! UUID)) }
    if Value.self == Date.self { return try date(value as! Date) }
    if Value.self == Data.self { return try data(value as! Data) }
    if Value.self == URL.self { return string((value as! URL).absoluteString) }
    if Value.self == Decimal.self {
      let decimal = value as! Decimal
      guard decimal.isFinite else { return doubt() }
      return append(decimal.description)
    }
    // One that stands for such a value, as NSDate does, Foundation treats as the value.
    if Value.self is AnyClass || Value.self == AnyHashable.self { doubt() }
    try within(value.encode)
  }

  private func date(_ date: Date) throws {
    switch rules.dates {
    case .deferredToDate: number(date.timeIntervalSinceReferenceDate)
    case .secondsSince1970: number(date.timeIntervalSince1970)
    case .millisecondsSince1970: number(date.timeIntervalSince1970 * 1_000)
    case .custom(let encode): try within { try encode(date, $0) }
    default: try detour(date)
    }
  }

  private func data(_ data: Data) throws {
    switch rules.data {
    case .deferredToData: try within(data.encode)
    case .base64: string(data.base64EncodedString())
    case .custom(let encode): try within { try encode(data, $0) }
    @unknown default: try detour(data)
    }
  }

  /// Foundation writes the one value: for types of which no part is the app's code.
  private func detour(_ value: some Encodable) throws {
    do { append(String(decoding: try rules.encoder.encode(value), as: UTF8.self)) } catch {
      doubt()
      throw error
    }
  }
}
