/// A whole number of minor units (cents; for JPY yen) of any size: a sum of bigints may be larger than one.
package struct MinorUnits: RawRepresentable, Codable, Equatable, Sendable {
  /// Digits, with a minus sign before them if it is below zero.
  package let rawValue: String

  /// nil if it isn't the text of a whole number.
  package init?(rawValue: String) {
    let digits = rawValue.hasPrefix("-") ? rawValue.dropFirst() : rawValue[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else {
      return nil
    }
    self.rawValue = rawValue
  }

  package init(_ amount: Int64) {
    rawValue = String(amount)
  }

  package static let zero = Self(0)

  package var isZero: Bool { rawValue.utf8.allSatisfy { $0 == UInt8(ascii: "0") || $0 == UInt8(ascii: "-") } }

  /// In major units for people, with a comma between thousands: `-1,234.50`. A currency that isn't known has no point.
  package func text(_ currency: String) -> String {
    let isNegative = rawValue.hasPrefix("-")
    let exponent = Currency.exponent(currency) ?? 0
    var digits = Array(isNegative ? rawValue.dropFirst() : rawValue[...])
    while digits.count <= exponent { digits.insert("0", at: 0) }
    let fraction = digits.suffix(exponent)
    digits.removeLast(exponent)
    var whole = ""
    for (index, digit) in digits.enumerated() {
      if index > 0, (digits.count - index).isMultiple(of: 3) { whole.append(",") }
      whole.append(digit)
    }
    return (isNegative ? "-" : "") + whole + (exponent == 0 ? "" : "." + String(fraction))
  }
}
