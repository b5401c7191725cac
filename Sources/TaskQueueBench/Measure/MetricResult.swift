/// All readings of one metric.
struct MetricResult: Sendable {
  let metric: Metric
  private(set) var samples = Samples()
  private(set) var references = Samples()
  private(set) var ratios = Samples()

  init(_ metric: Metric) { self.metric = metric }

  mutating func append(_ reading: Reading) {
    samples.append(reading.value)
    guard let reference = reading.reference else { return }
    references.append(reference)
    if reference != 0 { ratios.append(reading.value / reference) }
  }

  /// The median of the ratios of single rounds: what slows a whole round down drops out of it.
  var ratio: Double? { ratios.median }

  /// Groups readings by metric, in the order in which the metrics first appear.
  static func collect(_ readings: [Reading]) -> [MetricResult] {
    var results: [MetricResult] = []
    var positions: [String: Int] = [:]
    for reading in readings {
      let position = positions[reading.metric.id] ?? results.count
      if position == results.count {
        positions[reading.metric.id] = position
        results.append(MetricResult(reading.metric))
      }
      results[position].append(reading)
    }
    return results
  }
}
