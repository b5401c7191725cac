import Foundation

/// Numbers for people.
enum NumberText {
  /// Three significant digits below 100, whole numbers with separators above.
  static func short(_ value: Double) -> String {
    guard value.isFinite else { return "–" }
    let size = abs(value)
    if size >= 1_000 { return grouped(Int(value.rounded())) }
    if size >= 100 { return String(Int(value.rounded())) }
    let digits = size >= 10 ? 1 : 2
    var text = String(format: "%.\(digits)f", value)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }

  static func ratio(_ value: Double) -> String { String(format: "%.2f×", value) }

  /// Such as `1 min 5 s`.
  static func duration(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded())
    return whole < 60 ? "\(whole) s" : "\(whole / 60) min \(whole % 60) s"
  }

  private static func grouped(_ value: Int) -> String {
    var text = ""
    for (index, digit) in String(abs(value)).reversed().enumerated() {
      if index > 0, index.isMultiple(of: 3) { text.append(",") }
      text.append(digit)
    }
    return (value < 0 ? "-" : "") + String(text.reversed())
  }
}
