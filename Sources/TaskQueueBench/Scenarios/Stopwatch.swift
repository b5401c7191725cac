/// Measures one stretch of time.
struct Stopwatch: Sendable {
  private let start = ContinuousClock.now

  var seconds: Double { start.duration(to: .now) / .seconds(1) }

  /// - Returns: per second since the start.
  func rate(_ count: Int) -> Double { Double(count) / seconds }
}
