import TaskQueue

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Values as text that PostgreSQL reads, whatever the session's settings.
enum SQLText {
  /// - Throws: `encodingFailed` for what is no text of any JSON.
  static func json(_ bytes: Data) throws(TaskQueueError) -> String {
    guard let text = String(validating: bytes, as: UTF8.self), !bytes.contains(0) else {
      throw TaskQueueError(.encodingFailed, "A payload must be UTF-8 without NUL bytes.")
    }
    return text
  }

  /// As hours, minutes, seconds: every version of PostgreSQL reads 100 years of that. Cut to microseconds; negative is zero.
  static func interval(_ duration: Duration) -> String {
    let (seconds, attoseconds) = max(.zero, duration).components
    return "\(seconds / 3600):\(seconds / 60 % 60):\(seconds % 60).\(sixDigits(attoseconds / 1_000_000_000_000))"
  }

  /// ISO 8601, UTC, microseconds; `infinity` from `.distantFuture` on.
  ///
  /// - Throws: `invalidOption` for a date that is not a number.
  static func timestamp(_ date: Date) throws(TaskQueueError) -> String {
    if date >= .distantFuture { return "infinity" }
    if date <= .distantPast { return "-infinity" }
    let seconds = date.timeIntervalSince1970
    guard !seconds.isNaN else { throw TaskQueueError(.invalidOption, "A date is not a number.") }
    let microseconds = Int64((seconds * 1_000_000).rounded())
    let whole = (microseconds - (microseconds < 0 ? 999_999 : 0)) / 1_000_000
    let day = Date.ISO8601FormatStyle(timeZone: .gmt).format(Date(timeIntervalSince1970: Double(whole)))
    return "\(day.dropLast()).\(sixDigits(microseconds - whole * 1_000_000))Z"
  }

  private static func sixDigits(_ microseconds: Int64) -> String {
    let digits = String(microseconds)
    return String(repeating: "0", count: max(0, 6 - digits.count)) + digits
  }
}
