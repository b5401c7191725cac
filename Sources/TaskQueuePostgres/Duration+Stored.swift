@_spi(Store) import TaskQueue

extension Duration {
  /// A number of seconds that the database computed, cut to 100 years; not a number is none. `Duration.seconds(_:)` traps on what a row
  /// written by hand can bring about.
  static func stored(seconds: Double) -> Duration {
    guard !seconds.isNaN else { return .zero }
    let bound = Limits.delay / .seconds(1)
    return .seconds(max(-bound, min(seconds, bound)))
  }
}
