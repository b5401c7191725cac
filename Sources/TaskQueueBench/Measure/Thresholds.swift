import Foundation

/// The thresholds file: JSON, metric ids to bounds.
///
/// ```json
/// { "drain-1-process": { "minRatio": 0.6 }, "latency-p50": { "maximum": 0.6 } }
/// ```
struct Thresholds: Equatable, Sendable {
  private(set) var bounds: [String: Threshold]

  init(_ bounds: [String: Threshold] = [:]) { self.bounds = bounds }

  /// - Throws: ``BenchmarkError`` for what is not JSON of this shape, unknown ids and bounds, and for speeds in tasks per second.
  init(json: Data) throws {
    let decoded: [String: [String: Double]]
    do { decoded = try JSONDecoder().decode([String: [String: Double]].self, from: json) } catch {
      throw BenchmarkError("The thresholds file must be a JSON object: metric id → { bound: number }. \(error)")
    }
    let known = Dictionary(uniqueKeysWithValues: MetricCatalog.all.map { ($0.id, $0) })
    let names = Set(Threshold.CodingKeys.allCases.map(\.rawValue))
    var bounds: [String: Threshold] = [:]
    for (id, values) in decoded {
      guard let metric = known[id] else { throw BenchmarkError("Unknown metric in the thresholds file: \(id)") }
      if let unknown = values.keys.first(where: { !names.contains($0) }) {
        throw BenchmarkError("Unknown bound for \(id): \(unknown). Known: \(names.sorted().joined(separator: ", ")).")
      }
      let threshold = Threshold(
        minRatio: values["minRatio"],
        maxRatio: values["maxRatio"],
        minimum: values["minimum"],
        maximum: values["maximum"]
      )
      if metric.unit.isSpeed, threshold.minimum != nil || threshold.maximum != nil {
        throw BenchmarkError("\(id) is a speed: bound its ratio, the value depends on the machine.")
      }
      if metric.reference == nil, threshold.minRatio != nil || threshold.maxRatio != nil {
        throw BenchmarkError("\(id) has no reference to have a ratio to.")
      }
      bounds[id] = threshold
    }
    self.bounds = bounds
  }

  func threshold(for metric: Metric) -> Threshold? { bounds[metric.id] }

  func judge(_ result: MetricResult) -> Verdict {
    bounds[result.metric.id]?.judge(result) ?? .unjudged
  }
}
