import ArgumentParser

#if canImport(FoundationEssentials)
  import FoundationEssentials
#else
  import Foundation
#endif

/// A span of time: `500ms`, `90s`, `5m`, `2h`, `7d`.
struct SpanArgument: Sendable, CustomStringConvertible {
  var duration: Duration

  private static let units: [(suffix: String, seconds: Double)] = [
    ("ms", 0.001), ("s", 1), ("min", 60), ("m", 60), ("h", 3_600), ("d", 86_400), ("w", 604_800),
  ]
  /// Beyond any bound of a task's times.
  private static let longest = 3.2e9

  init(duration: Duration) { self.duration = duration }

  init?(argument: String) {
    let number = argument.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let suffix = argument.dropFirst(number.count)
    guard let value = Double(number), let unit = Self.units.first(where: { $0.suffix == suffix }) else { return nil }
    guard value * unit.seconds <= Self.longest else { return nil }
    duration = .seconds(value * unit.seconds)
  }

  static func read(_ text: String) throws -> SpanArgument {
    guard let span = SpanArgument(argument: text) else { throw ValidationError("write 500ms, 90s, 5m, 2h or 7d.") }
    return span
  }

  var description: String { "\(Words.span(duration / .seconds(1)).replacing(" ", with: ""))" }
}

/// An instant of RFC 3339, a day, or how long ago: `2026-11-28T14:00:00Z`, `2026-11-28`, `2h`.
struct InstantArgument: Sendable {
  private enum Kind: Sendable {
    case at(Date)
    case ago(Duration)
  }

  private let kind: Kind

  init?(argument: String) {
    if let span = SpanArgument(argument: argument) {
      kind = .ago(span.duration)
    } else if let date = Self.date(argument) {
      kind = .at(date)
    } else {
      return nil
    }
  }

  static func read(_ text: String) throws -> InstantArgument {
    guard let instant = InstantArgument(argument: text) else {
      throw ValidationError("write how long ago (2h, 7d), a day (2026-11-28), or an instant (2026-11-28T14:00:00Z).")
    }
    return instant
  }

  /// The instant; a span is taken back from now.
  var date: Date {
    switch kind {
    case .at(let date): date
    case .ago(let duration): Date(timeIntervalSinceNow: -(duration / .seconds(1)))
    }
  }

  static func date(_ text: String) -> Date? {
    let whole = text.count == 10 ? text + "T00:00:00Z" : text
    return (try? Date(whole, strategy: Date.ISO8601FormatStyle()))
      ?? (try? Date(whole, strategy: Date.ISO8601FormatStyle(includingFractionalSeconds: true)))
  }
}
