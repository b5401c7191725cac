import TaskQueue

/// How a ``PrometheusMetrics`` shows what it counts.
public struct PrometheusOptions: Sendable {
  /// Upper bounds of timers' buckets, in seconds, ascending; 1 ms to 1 h.
  public var timeBuckets: [Double] = [
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3_600,
  ]
  /// Upper bounds of other recorders' buckets, ascending; 1 to 10,000.
  public var valueBuckets: [Double] = [0, 1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000]
  /// Upper bounds instead of those, by the label that a timer or recorder was made with.
  public var buckets: [String: [Double]] = [:]
  /// One sentence about each metric, by the label that it was made with. TaskQueue's own are known.
  public var help: [String: String] = [:]
  /// Series at most, 10,000; a histogram is one. Further instruments count nothing.
  public var maxSeries = 10_000

  public init() {}

  func bounds(of label: String, isTimer: Bool) -> [Double] {
    let bounds = buckets[label] ?? (isTimer ? timeBuckets : valueBuckets)
    // The format wants each once, ascending; the last one, +Inf, is always there.
    return Set(bounds.filter(\.isFinite)).sorted()
  }

  func help(of label: String) -> String { help[label] ?? Self.own[label] ?? "Told by the app as \(label)." }

  private static let own = Dictionary(uniqueKeysWithValues: MetricName.all.map { ($0.label, $0.help) })
}
