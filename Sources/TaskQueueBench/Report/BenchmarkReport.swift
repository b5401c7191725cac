import Foundation

/// Everything one run found out.
struct BenchmarkReport: Sendable {
  let command: String
  let environment: BenchmarkEnvironment
  /// How it was run: option → value.
  let settings: [String: String]
  let startedAt: Date
  var seconds: Double
  var results: [MetricResult]
  var series: [TimeSeries]
  let thresholds: Thresholds

  var misses: [MetricResult] { results.filter { thresholds.judge($0).isMissed } }
}

extension BenchmarkReport {
  /// For machines; keys sorted.
  func json() throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    encoder.dateEncodingStrategy = .iso8601
    return try encoder.encode(Document(self)) + Data("\n".utf8)
  }

  private struct Document: Encodable {
    let command: String
    let startedAt: Date
    let seconds: Double
    let environment: BenchmarkEnvironment
    let settings: [String: String]
    let metrics: [Entry]
    let series: [TimeSeries]
    let isWithinThresholds: Bool

    init(_ report: BenchmarkReport) {
      command = report.command
      startedAt = report.startedAt
      seconds = report.seconds
      environment = report.environment
      settings = report.settings
      metrics = report.results.map { Entry($0, report.thresholds) }
      series = report.series
      isWithinThresholds = report.misses.isEmpty
    }
  }

  private struct Entry: Encodable {
    let id: String
    let title: String
    let unit: MetricUnit
    let median: Double?
    let minimum: Double?
    let maximum: Double?
    let values: [Double]
    let reference: String?
    let referenceMedian: Double?
    let referenceValues: [Double]
    let ratio: Double?
    let threshold: Threshold?
    let verdict: String?

    init(_ result: MetricResult, _ thresholds: Thresholds) {
      id = result.metric.id
      title = result.metric.title
      unit = result.metric.unit
      median = result.samples.median
      minimum = result.samples.minimum
      maximum = result.samples.maximum
      values = result.samples.values
      reference = result.metric.reference
      referenceMedian = result.references.median
      referenceValues = result.references.values
      ratio = result.ratio
      threshold = thresholds.threshold(for: result.metric)
      verdict =
        switch thresholds.judge(result) {
        case .held: "held"
        case .missed: "missed"
        case .unjudged: nil
        }
    }
  }
}
