/// Durations on the command line: `500ms`, `5s`, `1m`, `2h`, also with a fraction (`1.5s`).
package enum DurationText {
  /// Longest that is accepted: ten years.
  static let maximum = Duration.seconds(10 * 365 * 86_400)

  /// nil: not in one of these forms, or too long.
  package static func duration(_ text: String) -> Duration? {
    let units: [(suffix: String, seconds: Double)] = [("ms", 0.001), ("s", 1), ("m", 60), ("h", 3600)]
    guard
      let unit = units.first(where: { text.hasSuffix($0.suffix) }),
      let number = Double(text.dropLast(unit.suffix.count)), number.isFinite, number >= 0,
      number * unit.seconds <= Double(maximum.components.seconds)
    else { return nil }
    return .seconds(number * unit.seconds)
  }

  /// The shortest of the same forms, for the screen: whole units only where they fit.
  static func format(_ duration: Duration) -> String {
    let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
    if milliseconds % 60_000 == 0, milliseconds > 0 { return "\(milliseconds / 60_000)m" }
    if milliseconds % 1000 == 0 { return "\(milliseconds / 1000)s" }
    return "\(milliseconds)ms"
  }
}
