#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Numbers, times and spans for people.
enum Words {
  /// `850 ms`, `12 s`, `3 min`, `4 h`, `2 d`: two digits of precision will do.
  static func span(_ seconds: Double) -> String {
    switch max(0, seconds) {
    case ..<0.0995: "\(Int((max(0, seconds) * 1_000).rounded())) ms"
    case ..<0.995: "\(Int((seconds * 100).rounded()) * 10) ms"
    case ..<119.5: "\(Int(seconds.rounded())) s"
    case ..<7_170: "\(Int((seconds / 60).rounded())) min"
    case ..<171_000: "\(Int((seconds / 3_600).rounded())) h"
    default: "\(Int((seconds / 86_400).rounded())) d"
    }
  }

  /// Since an instant: `3 min`; to one: `in 3 min`. Not known or never: `-`.
  static func age(_ date: Date?, at now: Date) -> String {
    guard let date, date > Date(timeIntervalSince1970: -62_135_596_800), date < .distantFuture else { return "-" }
    let seconds = now.timeIntervalSince(date)
    guard abs(seconds) >= 0.5 else { return "<1 s" }
    // The databases' and this machine's clock differ by more than what is cut.
    return seconds < 0 ? "in \(span(max(1, -seconds)))" : span(max(1, seconds))
  }

  /// `2026-11-28 14:33:58 UTC`.
  static func instant(_ date: Date) -> String {
    let text = date.formatted(Date.ISO8601FormatStyle())
    return text.replacing("T", with: " ").replacing("Z", with: " UTC")
  }

  /// `1,234,567`.
  static func count(_ value: Int) -> String {
    var digits = String(value.magnitude)
    var parts: [String] = []
    while digits.count > 3 {
      parts.insert(String(digits.suffix(3)), at: 0)
      digits.removeLast(3)
    }
    return (value < 0 ? "-" : "") + ([digits] + parts).joined(separator: ",")
  }

  /// `1 task`, `2 tasks`.
  static func count(_ value: Int, _ noun: String, _ plural: String? = nil) -> String {
    "\(count(value)) \(value == 1 ? noun : plural ?? noun + "s")"
  }

  /// Per second, or per minute where that says more.
  static func rate(_ count: Double, per seconds: Double) -> String {
    guard seconds > 0 else { return "-" }
    let rate = count / seconds
    return rate >= 10 || rate == 0
      ? "\(Words.count(Int(rate.rounded())))/s" : "\(Words.count(Int((rate * 60).rounded())))/min"
  }
}
