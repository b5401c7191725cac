import ArgumentParser
import Foundation
import PaymentsExample
import PaymentsLab

/// Instants on the command line: `2026-01-31T12:00:00Z`, or a time ago as by ``DurationText``.
enum InstantText: Sendable {
  case at(Date)
  case ago(Duration)

  /// - Throws: `ValidationError` with the accepted forms.
  static func parse(_ text: String) throws -> InstantText {
    if let date = RFC3339.date(text) { return .at(date) }
    if let duration = try? DurationText.parse(text) { return .ago(duration) }
    throw ValidationError("'\(text)' is not an instant. Write it as 2026-01-31T12:00:00Z, or as a time ago: 90m, 24h.")
  }

  func date(_ now: Date) -> Date {
    switch self {
    case .at(let date): date
    case .ago(let duration): now.addingTimeInterval(-(duration / .seconds(1)))
    }
  }
}
