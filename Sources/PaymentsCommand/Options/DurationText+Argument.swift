import ArgumentParser
import PaymentsLab

extension DurationText {
  /// - Throws: `ValidationError` with the accepted forms.
  static func parse(_ text: String) throws -> Duration {
    guard let duration = duration(text) else {
      throw ValidationError("'\(text)' is not a duration. Write it as 500ms, 5s, 1m or 2h.")
    }
    return duration
  }
}
