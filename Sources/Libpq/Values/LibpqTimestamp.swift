#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// Converts between `Date` and PostgreSQL's microseconds since 2000-01-01 00:00 UTC.
enum LibpqTimestamp {
  /// Seconds from 2000-01-01 (PostgreSQL) to 2001-01-01 (`Date`): 366 days.
  private static let epochOffset = 31_622_400.0
  private static let infinity = Int64.max
  private static let minusInfinity = Int64.min

  /// Nil for a date that is not a number.
  static func microseconds(_ date: Date) -> Int64? {
    let seconds = date.timeIntervalSinceReferenceDate
    guard !seconds.isNaN else { return nil }
    if date >= .distantFuture { return infinity }
    if date <= .distantPast { return minusInfinity }
    return Int64(((seconds + epochOffset) * 1_000_000).rounded())
  }

  static func date(_ microseconds: Int64) -> Date {
    switch microseconds {
    case infinity: .distantFuture
    case minusInfinity: .distantPast
    default: Date(timeIntervalSinceReferenceDate: Double(microseconds) / 1_000_000 - epochOffset)
    }
  }
}
